"""Which form an error has: that of the API whose path was asked, also when no route was reached."""

from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from api import problems
from api.gateway import problems as openai
from api.gateway.messages import problems as anthropic
from api.problems import ApiProblem
from api.request_ids import id_of
from api.request_log import note_error

Envelope = Callable[[ApiProblem, str], Response]
"""Makes the response for a problem, given the call's request id."""

_ENVELOPES: Final[tuple[tuple[str, Envelope], ...]] = (
    ("/v1/chat/", openai.respond),
    ("/v1/completions", openai.respond),
    ("/v1/embeddings", openai.respond),
    ("/v1/models", openai.respond),
    ("/v1/responses", openai.respond),
    ("/v1/messages", anthropic.respond),
    ("/v1/calls", openai.respond),
)


def answer(scope: Scope, problem: ApiProblem) -> Response:
    """Return the response that tells a problem to whoever made a call."""
    note_error(scope, problem.code)
    path: str = scope["path"]
    told = next((told for start, told in _ENVELOPES if path.startswith(start)), problems.respond)
    return told(problem, id_of(scope))
