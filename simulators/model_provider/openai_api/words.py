"""What all endpoints of the OpenAI dialect share: keys, errors, headers."""

from domain.model_pool import Dialect
from simulators.model_provider.dialect import Incoming
from simulators.model_provider.errors import INVALID_KEY, ApiError
from simulators.model_provider.json_value import JsonObject
from simulators.model_provider.limits import Headers, Standing

FINGERPRINT = "longhaul-simulator"

_SERVER_ERRORS = 500
_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_CODES = {
    401: INVALID_KEY,
    402: "insufficient_quota",
    404: "not_found",
    429: "rate_limit_exceeded",
    529: "overloaded",
}


class OpenAIWords:
    """The dialect's common words."""

    dialect = Dialect.OPENAI
    request_id_header = b"x-request-id"
    retry_header = b"retry-after"

    def key(self, incoming: Incoming) -> str:
        """Return the bearer token."""
        return incoming.bearer

    def check(self, incoming: Incoming, key: str) -> None:
        """Let everybody in: servers that speak this dialect need not have keys."""

    def refusal(self, error: ApiError, request_id: str) -> tuple[int, JsonObject]:  # noqa: ARG002  the id is in a header
        """Return the envelope of the platform documentation, "Error codes"."""
        return error.status, envelope(error.status, str(error), error.param, error.code)

    def limits(self, standing: Standing) -> Headers:
        """Return the headers of the platform documentation, "Rate limits in headers"."""
        return [
            (b"x-ratelimit-limit-requests", b"%d" % standing.requests),
            (b"x-ratelimit-remaining-requests", b"%d" % standing.requests_left),
            (b"x-ratelimit-reset-requests", b"%.3fs" % standing.requests_reset_s),
            (b"x-ratelimit-limit-tokens", b"%d" % standing.tokens),
            (b"x-ratelimit-remaining-tokens", b"%d" % standing.tokens_left),
            (b"x-ratelimit-reset-tokens", b"%.3fs" % standing.tokens_reset_s),
        ]

    def model(self, name: str) -> JsonObject:
        """Return a model object."""
        return {"id": name, "object": "model", "created": 0, "owned_by": FINGERPRINT}

    def model_list(self, models: list[JsonObject]) -> JsonObject:
        """Return the list of all models."""
        return {"object": "list", "data": models}


def envelope(status: int, message: str, param: str | None = None, code: str | None = None) -> JsonObject:
    """Return an error body as the OpenAI API words it."""
    usual = "server_error" if status >= _SERVER_ERRORS else "invalid_request_error"
    kind = _TYPES.get(status, usual)
    return {"error": {"message": message, "type": kind, "param": param, "code": code or _CODES.get(status)}}
