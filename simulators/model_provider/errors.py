"""Refusals of the HTTP API, in OpenAI's error envelope."""

from typing import Any

_SERVER_ERRORS = 500
_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}


class ApiError(Exception):
    """A request that is not answered.

    Attributes:
        status: The HTTP status.
        param: The field of the request that is wrong, None when it is not about one.
        code: OpenAI's machine-readable code, None for the status's usual one.
    """

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    def envelope(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return envelope(self.status, str(self), self.param, self.code)


def envelope(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return an error body as the OpenAI API words it (platform documentation, "Error codes")."""
    usual = "server_error" if status >= _SERVER_ERRORS else "invalid_request_error"
    kind = _TYPES.get(status, usual)
    return {"error": {"message": message, "type": kind, "param": param, "code": code or _CODES.get(status)}}
