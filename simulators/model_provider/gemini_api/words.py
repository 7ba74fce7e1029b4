"""What all endpoints of the Gemini dialect share: keys, errors. It tells of limits only when one is reached."""

from urllib.parse import parse_qs

from domain.model_pool import Dialect
from simulators.model_provider.dialect import Incoming
from simulators.model_provider.errors import INVALID_KEY, ApiError
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.limits import Headers, Standing

_SERVER_ERRORS = 500
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_METHODS = ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"]
_TYPES = "type.googleapis.com/google.rpc."


class GeminiWords:
    """The dialect's common words."""

    dialect = Dialect.GEMINI
    request_id_header = b"x-request-id"
    retry_header = None

    def key(self, incoming: Incoming) -> str:
        """Return the `x-goog-api-key`, or the key in the query, or a bearer token."""
        in_query = parse_qs(incoming.query).get("key", [""])[0]
        return incoming.header(b"x-goog-api-key") or in_query or incoming.bearer

    def check(self, incoming: Incoming, key: str) -> None:  # noqa: ARG002  other dialects read more headers
        """Raise ApiError unless there is a key."""
        if not key:
            raise ApiError(403, "Method doesn't allow unregistered callers. Please use an API key.")

    def refusal(self, error: ApiError, request_id: str) -> tuple[int, JsonObject]:  # noqa: ARG002  the id is in a header
        """Return Google's envelope (AIP-193). A key that is not let in is an invalid argument there."""
        status = 400 if error.code == INVALID_KEY else error.status
        usual = "INTERNAL" if status >= _SERVER_ERRORS else "FAILED_PRECONDITION"
        told: JsonObject = {"code": status, "message": str(error), "status": _STATUSES.get(status, usual)}
        details = _details(error)
        return status, {"error": told | {"details": details} if details else told}

    def limits(self, standing: Standing) -> Headers:  # noqa: ARG002  this API tells nothing
        """Return no headers."""
        return []

    def model(self, name: str) -> JsonObject:
        """Return a model resource."""
        return {
            "name": f"models/{name}",
            "version": "001",
            "displayName": name,
            "description": "A simulated model.",
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": _METHODS,
        }

    def model_list(self, models: list[JsonObject]) -> JsonObject:
        """Return all models as one page."""
        return {"models": models}


def _details(error: ApiError) -> list[Json]:
    details: list[Json] = []
    if error.code == INVALID_KEY:
        details.append({"@type": f"{_TYPES}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
    if error.retry_after_s is not None:
        delay = f"{error.retry_after_s:.3f}".rstrip("0").rstrip(".")
        details.append({"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{delay}s"})
    return details
