"""How many tokens a call is expected to use, before it is made: what its caller's limits reserve for it."""

from collections.abc import Mapping
from typing import Any, Final

from domain.model_pool import Endpoint
from domain.sizes import choices, input_tokens, plain_input_tokens, plain_output_tokens

USUAL_OUTPUT: Final = 1000
"""Of a chat whose caller sets no bound."""
MOST: Final = 10_000_000


def expected_tokens(endpoint: Endpoint, body: Mapping[str, Any]) -> int:
    """Return the tokens of input and output together. `body`: in the OpenAI API's form."""
    if endpoint is not Endpoint.CHAT:
        return min(plain_input_tokens(body) + plain_output_tokens(body), MOST)
    bound = _bound(body.get("max_completion_tokens") or body.get("max_tokens"))
    return min(input_tokens(body) + bound * choices(body), MOST)


def _bound(value: object) -> int:
    """Return a bound on the output; what cannot be one is left to whoever checks the body."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else USUAL_OUTPUT
