"""From errors to problems, in one place."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket

from api.gateway.envelopes import answer
from api.limit_headers import refusal_headers
from api.problems import ApiProblem
from domain.caller_errors import BudgetSpent, Forbidden, FundsOnHold, InsufficientFunds, RateLimited, Unauthenticated
from domain.caller_limits import LimitReached
from domain.errors import (
    AmendmentRefused,
    Conflict,
    InvalidInput,
    LonghaulError,
    NotFound,
    Problem,
    Unavailable,
)
from services.storage.requests import IdempotencyKeyReused

_SHOWN = 20
STALE = frozenset(
    {"stale_version", "no_open_plan", "step_finished", "request_ended", "unknown_approval", "unknown_question"}
)
"""Codes of a message that was right for an earlier state of the request."""


def install(app: FastAPI) -> None:
    """Answer every expected error with its problem. What is left is caught by `api.observation`."""
    app.add_exception_handler(LonghaulError, _answer)
    app.add_exception_handler(HTTPException, _answer)
    app.add_exception_handler(RequestValidationError, _answer)


async def _answer(connection: HTTPConnection, error: Exception) -> Response:
    told = answer(connection.scope, problem_of(error))
    if isinstance(connection, WebSocket):  # of a socket that is not accepted yet; the framework sends no answer itself
        await connection.send_denial_response(told)
    return told


def problem_of(error: Exception) -> ApiProblem:
    """Return the problem that tells an error without its inside."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, RequestValidationError):
        return _wrong_shape(error)
    if isinstance(error, HTTPException):
        return _plain(error)
    if isinstance(error, LonghaulError):
        return _ours(error)
    return ApiProblem(500, "internal", "something went wrong on our side; quote the request id")


def refusal_status(problems: Sequence[Problem]) -> int:
    """Return 409 when a refused message was right for another state, 422 when it is wrong in itself."""
    return 409 if problems and all(problem.code in STALE for problem in problems) else 422


def _ours(error: LonghaulError) -> ApiProblem:
    problems = error.problems if isinstance(error, (InvalidInput, Conflict)) else ()
    problem = ApiProblem(_status(error), error.code, str(error), problems)
    if isinstance(error, (Unavailable, RateLimited, FundsOnHold)):
        problem.with_headers({"Retry-After": str(max(1, math.ceil(error.retry_after_s)))})
    if isinstance(error, LimitReached):
        problem.with_headers(refusal_headers(error))
    if isinstance(error, Unauthenticated):
        problem.with_headers({"WWW-Authenticate": "Bearer"})
    return problem


def _status(error: LonghaulError) -> int:
    if isinstance(error, AmendmentRefused):
        return refusal_status(error.problems)
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


_STATUS: dict[type[LonghaulError], int] = {
    IdempotencyKeyReused: 422,
    InvalidInput: 422,
    NotFound: 404,
    Conflict: 409,
    Unavailable: 503,
    Unauthenticated: 401,
    Forbidden: 403,
    RateLimited: 429,
    InsufficientFunds: 402,
    BudgetSpent: 402,
    FundsOnHold: 409,
}


def _plain(error: HTTPException) -> ApiProblem:
    """Take over what the framework raises: unknown routes and wrong methods."""
    status = error.status_code
    code = _CODES.get(status) or HTTPStatus(status).name.lower()
    problem = ApiProblem(status, code, str(error.detail))
    return problem.with_headers(error.headers or {})


_CODES = {404: "not_found", 405: "method_not_allowed"}


def _wrong_shape(error: RequestValidationError) -> ApiProblem:
    problems = tuple(_problem(item) for item in error.errors()[:_SHOWN])
    first = f"{problems[0].path}: {problems[0].message}" if problems else "the request has the wrong shape"
    return ApiProblem(422, "invalid_input", first, problems)


def _problem(item: Mapping[str, Any]) -> Problem:
    """Turn one validation error into a problem; the value is left out, for it may be private."""
    where, *rest = item["loc"]
    pointer = "/".join(str(part) for part in rest)
    path = f"/{pointer}".rstrip("/") if where == "body" else f"{where}:{pointer}"
    return Problem(code=str(item["type"]), path=path, message=str(item["msg"]))
