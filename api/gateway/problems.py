"""Refusals and failures of gateway calls, and OpenAI's envelope: `{"error": {message, type, param, code}}`."""

import json
import math
from typing import Any, Final

from starlette.responses import Response

from api.gateway.fields import BadField
from api.problems import ApiProblem
from domain.call_errors import call_error, type_of_status
from domain.errors import LonghaulError
from domain.gateway import CallError, CallOutcome

KEY_REUSED: Final = "idempotency_key_reused"
_WRONG_SHAPE: Final = 422
_CODES: Final = {"rate_limited": "rate_limit_exceeded"}
"""Codes that the OpenAI API has another word for."""

CANCELLED: Final = CallError(
    status=499, type="invalid_request_error", code="cancelled", message="the call was cancelled"
)
"""What is told of a call that somebody ended. 499 is not a status that SDKs try again."""


class GatewayProblem(ApiProblem):
    """Raise it to answer with an error of a gateway call."""

    def __init__(self, error: CallError) -> None:
        """Take what is to be told."""
        super().__init__(error.status, error.code, error.message)
        self.error = error
        self.with_headers(retry_headers(error.retry_after_s))


def refusal(status: int, code: str, message: str, param: str | None = None) -> GatewayProblem:
    """Return the problem of a call that is not made. `param`: the culprit's place in the body."""
    kind = type_of_status(status)
    return GatewayProblem(CallError(status=status, type=kind, code=code, message=message, param=param))


def of_field(bad: BadField) -> GatewayProblem:
    """Return the problem of a field that cannot be used."""
    return refusal(400, bad.code, f"{bad.param}: {bad.message}" if bad.param else bad.message, bad.param or None)


def of_error(error: LonghaulError) -> GatewayProblem:
    """Return the problem of an error of ours."""
    return GatewayProblem(call_error(error))


def failure_of(outcome: CallOutcome) -> CallError:
    """Return why a call that is not done has no answer."""
    if outcome.error is not None:
        return outcome.error
    return CANCELLED if outcome.phase == "cancelled" else call_error(LonghaulError())


def error_of(problem: ApiProblem) -> CallError:
    """Return what a problem is on this API's routes, where a wrong shape is a 400."""
    if isinstance(problem, GatewayProblem):
        return problem.error
    status = problem.status_code
    if status == _WRONG_SHAPE and problem.code != KEY_REUSED:
        status = 400
    code = _CODES.get(problem.code, problem.code)
    return CallError(status=status, type=type_of_status(status), code=code, message=str(problem.detail))


def envelope(error: CallError) -> dict[str, Any]:
    """Return the JSON that tells an error."""
    told = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return {"error": told}


def respond(problem: ApiProblem, request_id: str) -> Response:  # noqa: ARG001  as `api.problems.respond`; a header has it
    """Return the response for a problem."""
    error = error_of(problem)
    headers = dict(problem.headers or {})
    return Response(json.dumps(envelope(error)), error.status, headers, "application/json")


def retry_headers(retry_after_s: float | None) -> dict[str, str]:
    """Return the headers that say when to try again: whole seconds, and for SDKs the milliseconds."""
    if retry_after_s is None:
        return {}
    return {
        "Retry-After": str(max(1, math.ceil(retry_after_s))),
        "Retry-After-Ms": str(max(1, math.ceil(retry_after_s * 1000))),
    }


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that may fail with these statuses; 500 is always among them."""
    content = {"application/json": {"schema": _SCHEMA}}
    return {status: {"description": _MEANING[status], "content": content} for status in sorted({*statuses, *_ANYWHERE})}


_ANYWHERE: Final = (403, 500, 503)
_MEANING: Final = {
    400: "The body, a header or a parameter cannot be used; `param` says which.",
    402: "The wallet or a budget does not pay for the call.",
    401: "No key or token came, or none that is valid.",
    403: "The caller may not do this, or not use the model.",
    404: "There is no such model or call.",
    408: "The body took too long to arrive.",
    409: "What would pay for the call is held by work under way; or the call is in another state.",
    413: "The body is too large.",
    415: "The body's content type is not application/json.",
    422: "The Idempotency-Key was used with another body.",
    429: "No account has capacity now, or a limit of the caller's is reached; try again after Retry-After.",
    499: "Somebody cancelled the call.",
    500: "A fault of ours; quote the request id.",
    502: "No provider gave an answer that can be used.",
    503: "Every provider rests, or Temporal or the database does not answer; try again after Retry-After.",
    504: "The provider took all the time the call had.",
}
_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_ERROR: Final = {
    "type": "object",
    "required": ["message", "type", "param", "code"],
    "properties": {"message": _TEXT, "type": _TEXT, "param": _MAYBE_TEXT, "code": _TEXT},
}
_SCHEMA: Final = {"type": "object", "required": ["error"], "properties": {"error": _ERROR}}
