"""Errors of the token endpoint, as OAuth clients expect them: `{"error", "error_description"}` (RFC 6749, 5.2)."""

import json
from typing import Any, Final

from starlette.responses import Response

from api.problems import ApiProblem

INVALID_REQUEST: Final = "invalid_request"
INVALID_GRANT: Final = "invalid_grant"
UNSUPPORTED: Final = "unsupported_grant_type"

_OWN: Final = frozenset({INVALID_REQUEST, INVALID_GRANT, UNSUPPORTED})
_UNAVAILABLE: Final = "temporarily_unavailable"
_BY_STATUS: Final = {403: "access_denied", 429: "slow_down", 500: "server_error", 503: _UNAVAILABLE, 504: _UNAVAILABLE}
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def respond(problem: ApiProblem, request_id: str) -> Response:
    """Return the response for a problem; codes that OAuth does not know become those that it does."""
    known = problem.code if problem.code in _OWN else _BY_STATUS.get(problem.status_code, INVALID_REQUEST)
    told = {"error": known, "error_description": _plain(str(problem.detail)), "request_id": request_id}
    headers = {**(problem.headers or {}), **NO_STORE}
    return Response(json.dumps(told), problem.status_code, headers, "application/json")


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that may fail with these statuses; 500 is always among them."""
    content = {"application/json": {"schema": _SCHEMA}}
    return {status: {"description": _MEANING[status], "content": content} for status in sorted({*statuses, 500})}


def _plain(text: str) -> str:
    """Return a text in the characters that OAuth allows there."""
    return "".join(each for each in text if " " <= each <= "~" and each not in '"\\')


_MEANING: Final = {
    400: "`invalid_request`, `unsupported_grant_type`, or `invalid_grant`: the name, the password or the refresh token "
    "gives nothing.",
    401: "No key or token came, or none that is valid.",
    403: "The page that asks is of a foreign origin.",
    408: "The form took too long to arrive.",
    413: "The form is too large.",
    415: "The content type is not application/x-www-form-urlencoded.",
    429: "The name or the address has failed too often; try again after Retry-After.",
    500: "A fault of ours; quote the request id.",
    504: "No answer in time.",
    503: "The database does not answer, or too many log in; try again after Retry-After.",
}
_TEXT: Final = {"type": "string"}
_SCHEMA: Final = {
    "type": "object",
    "required": ["error", "error_description", "request_id"],
    "properties": {"error": _TEXT, "error_description": _TEXT, "request_id": _TEXT},
}
