"""From errors to what the protocol answers: the same problems as over HTTP, in a result or in an error's data."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final, TypeVar

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, CallToolResult, TextContent
from starlette.requests import Request

from api.errors import problem_of
from api.observation import log_fault
from api.problems import ApiProblem, ProblemDocument, document_of
from api.request_ids import id_of

CALL_LIMIT_S: Final = 45.0
"""Above the longest wait and the time a message may take, so it ends only what hangs."""

T = TypeVar("T")


async def bounded(answer: Awaitable[T]) -> T:
    """Wait for an answer.

    Raises:
        ApiProblem: 504, it did not come within the limit.
    """
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            return await answer
    except TimeoutError:
        raise ApiProblem(504, "no_answer_in_time", f"no answer within {CALL_LIMIT_S:.0f} s") from None


def tell(error: Exception, request: Request) -> ProblemDocument:
    """Return the problem that tells an error without its inside; one that is a fault of ours goes to the log."""
    problem, request_id = problem_of(error), id_of(request.scope)
    if problem.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        log_fault(error, request_id)
    return document_of(problem, request_id)


def as_result(document: ProblemDocument) -> CallToolResult:
    """Return the result of a call that was refused or failed: the problem as JSON text.

    It has no structured content: that would have to fit the tool's output schema.
    """
    return CallToolResult(content=[TextContent(text=document.model_dump_json(exclude_none=True))], is_error=True)


def as_error(document: ProblemDocument) -> MCPError:
    """Return the protocol's error, for methods whose results cannot say that they failed."""
    code = INVALID_PARAMS if document.status < HTTPStatus.INTERNAL_SERVER_ERROR else INTERNAL_ERROR
    return MCPError(code=code, message=document.detail, data=document.model_dump(mode="json", exclude_none=True))
