"""What all endpoints of the Anthropic dialect share: keys, required headers, errors, limits."""

import time
from datetime import UTC, datetime

from domain.model_pool import Dialect
from simulators.model_provider.dialect import Incoming
from simulators.model_provider.errors import INVALID_KEY, ApiError
from simulators.model_provider.json_value import JsonObject
from simulators.model_provider.limits import Headers, Standing

_SERVER_ERRORS = 500
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class AnthropicWords:
    """The dialect's common words."""

    dialect = Dialect.ANTHROPIC
    request_id_header = b"request-id"
    retry_header = b"retry-after"

    def key(self, incoming: Incoming) -> str:
        """Return the `x-api-key`, or the bearer token that may stand in its place."""
        return incoming.header(b"x-api-key") or incoming.bearer

    def check(self, incoming: Incoming, key: str) -> None:
        """Raise ApiError unless the key and the API's version are there."""
        if not key:
            raise ApiError(401, "x-api-key header is required", code=INVALID_KEY)
        if not incoming.header(b"anthropic-version"):
            raise ApiError(400, "anthropic-version: header is required")

    def refusal(self, error: ApiError, request_id: str) -> tuple[int, JsonObject]:
        """Return the envelope of the API's documentation, "Errors"."""
        usual = "api_error" if error.status >= _SERVER_ERRORS else "invalid_request_error"
        told: JsonObject = {"type": _TYPES.get(error.status, usual), "message": str(error)}
        return error.status, {"type": "error", "error": told, "request_id": request_id}

    def limits(self, standing: Standing) -> Headers:
        """Return the headers of the API's documentation, "Rate limits"."""
        headers = _limit(b"requests", standing.requests, standing.requests_left, standing.requests_reset_s)
        for name in (b"tokens", b"input-tokens", b"output-tokens"):
            headers += _limit(name, standing.tokens, standing.tokens_left, standing.tokens_reset_s)
        return headers

    def model(self, name: str) -> JsonObject:
        """Return a model object."""
        return {
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": None,
            "max_tokens": None,
        }

    def model_list(self, models: list[JsonObject]) -> JsonObject:
        """Return all models as one page."""
        ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]}
        return {"data": models, "has_more": False, **ends}


def _limit(name: bytes, amount: int, left: int, reset_s: float) -> Headers:
    reset = datetime.fromtimestamp(int(time.time() + reset_s), UTC).isoformat().replace("+00:00", "Z")
    start = b"anthropic-ratelimit-" + name
    return [
        (start + b"-limit", b"%d" % amount),
        (start + b"-remaining", b"%d" % left),
        (start + b"-reset", reset.encode()),
    ]
