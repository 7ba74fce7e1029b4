"""Errors as Anthropic's API tells them: an envelope with a type, on the answer or as the event `error`."""

import json
import re
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from api.gateway import problems
from api.gateway.problems import error_of
from api.limit_headers import anthropic_headers
from api.problems import ApiProblem
from domain.gateway import CallError

OVERLOADED: Final = 529
"""The status by which Anthropic's API says that it is overloaded; its clients wait and try again."""
REQUEST_ID: Final = "request-id"
"""Anthropic's name for the header with the id of a call."""

_RESTING: Final = "no_provider_available"
_TYPES: Final = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
_TEXT: Final = {"type": "string"}
_ERROR: Final = {
    "type": "object",
    "required": ["type", "message"],
    "properties": {"type": _TEXT, "message": _TEXT, "code": _TEXT},
}
_SCHEMA: Final = {
    "type": "object",
    "required": ["type", "error"],
    "properties": {"type": {"const": "error"}, "error": _ERROR, "request_id": _TEXT},
}
_PLACE: Final = re.compile(r"\[(\d+)\]")


def status_of(error: CallError) -> int:
    """Return the HTTP status: the error's own, but 529 where every provider rests."""
    return OVERLOADED if error.code == _RESTING else error.status


def envelope(error: CallError, request_id: str) -> dict[str, Any]:
    """Return the body of an error, or the data of the event `error`. `code` is ours, beside Anthropic's type."""
    status = status_of(error)
    ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = _TYPES.get(status, "api_error" if ours else "invalid_request_error")
    told = {"type": kind, "message": _message(error), "code": error.code}
    return {"type": "error", "error": told, "request_id": request_id}


def respond(problem: ApiProblem, request_id: str) -> Response:
    """Return the response for a problem."""
    error = error_of(problem)
    headers = {**(problem.headers or {}), **anthropic_headers(), REQUEST_ID: request_id}
    return Response(json.dumps(envelope(error, request_id)), status_of(error), headers, "application/json")


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that may fail with these statuses."""
    known = problems.errors(*(status for status in statuses if status != OVERLOADED))
    if OVERLOADED in statuses:
        known[OVERLOADED] = {"description": "Every provider rests; try again after Retry-After."}
    return {status: {**told, "content": {"application/json": {"schema": _SCHEMA}}} for status, told in known.items()}


def _message(error: CallError) -> str:
    """Return the text with the field's place in Anthropic's spelling, such as `messages.0.content`."""
    return _PLACE.sub(r".\1", error.message) if error.param else error.message
