"""Refusals, each worded in the envelope of the product that answers."""

from typing import Any

from starlette.responses import JSONResponse, Response

JSON_TYPE = "application/json;charset=UTF-8"
_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
_BAD_REQUEST = 400
_SERVER_ERRORS = 500


class RefusedError(Exception):
    """A call that is not done.

    Attributes:
        status: The HTTP status.
        field: The field that is wrong, None when it is not about one (Jira only).
    """

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


def jira_body(message: str, field: str | None = None) -> dict[str, Any]:
    """Return an error as Jira writes it."""
    return {"errorMessages": [] if field else [message], "errors": {field: message} if field else {}}


def confluence_body(status: int, message: str) -> dict[str, Any]:
    """Return an error as Confluence writes it."""
    data: dict[str, Any] = {
        "authorized": status not in (401, 403),
        "valid": status != _BAD_REQUEST,
        "errors": [],
        "successful": False,
    }
    return {"statusCode": status, "data": data, "message": message, "reason": _REASONS.get(status, "Error")}


def answer(status: int, message: str, field: str | None = None, *, confluence: bool) -> Response:
    """Return a refusal; server errors are a proxy's HTML page, which is no JSON."""
    if status >= _SERVER_ERRORS:
        page = f"<html><head><title>{status}</title></head><body><h1>{message}</h1></body></html>"
        return Response(page, status, media_type="text/html")
    body = confluence_body(status, message) if confluence else jira_body(message, field)
    return JSONResponse(body, status, media_type=JSON_TYPE)
