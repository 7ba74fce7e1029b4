"""What an error looks like on the wire: an RFC 9457 problem, for every status from 400 on."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from domain.errors import Problem

MEDIA_TYPE = "application/problem+json"


class ProblemDocument(BaseModel):
    """An error. `code` is stable and for machines, `detail` is for people; `request_id` is the header X-Request-Id.

    `message_id`: on a message that was not answered in time, the id to send it again with.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:longhaul:problem:not_found",
                "title": "Not Found",
                "status": 404,
                "detail": "there is no such request",
                "code": "not_found",
                "problems": [],
                "request_id": "0b8f0c7e5c1d4f0e",
            }
        }
    )

    type: str = Field(description="A URN made from the code.")
    title: str = Field(description="The HTTP status in words.")
    status: int
    detail: str
    code: str
    problems: tuple[Problem, ...] = ()
    request_id: str
    message_id: str | None = None


class ApiProblem(HTTPException):
    """Raise it to answer with a problem."""

    def __init__(self, status: int, code: str, detail: str, problems: tuple[Problem, ...] = ()) -> None:
        """Take the HTTP status, the stable code, a sentence for people, and what exactly is wrong."""
        super().__init__(status, detail)
        self.code = code
        self.problems = problems
        self.message_id: str | None = None

    def with_headers(self, headers: Mapping[str, str]) -> "ApiProblem":
        """Add response headers."""
        self.headers = {**(self.headers or {}), **headers}
        return self

    def with_message_id(self, message_id: str) -> "ApiProblem":
        """Say with which id the message may be sent again."""
        self.message_id = message_id
        return self


def invalid(code: str, path: str, message: str, status: int = 422) -> ApiProblem:
    """Return the problem of one wrong value; `path` is its JSON pointer."""
    return ApiProblem(status, code, message, (Problem(code=code, path=path, message=message),))


def not_found(what: str) -> ApiProblem:
    """Return the problem of something that is not there, or not the caller's."""
    return ApiProblem(404, "not_found", f"there is no such {what}")


def document_of(problem: ApiProblem, request_id: str) -> ProblemDocument:
    """Return what a problem looks like on the wire."""
    return ProblemDocument(
        type=f"urn:longhaul:problem:{problem.code}",
        title=HTTPStatus(problem.status_code).phrase,
        status=problem.status_code,
        detail=str(problem.detail),
        code=problem.code,
        problems=problem.problems,
        request_id=request_id,
        message_id=problem.message_id,
    )


def respond(problem: ApiProblem, request_id: str) -> Response:
    """Return the response for a problem."""
    content = document_of(problem, request_id).model_dump_json(exclude_none=True)
    headers = dict(problem.headers or {})
    return Response(content, problem.status_code, headers, MEDIA_TYPE)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that may fail with these statuses; 500 is always among them."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {
        status: {"description": _MEANING[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*statuses, 500})
    }


_MEANING = {
    400: "The body is not JSON in UTF-8, or a header cannot be read.",
    401: "No key or token came, or none that is valid.",
    402: "The wallet or a budget does not pay for it.",
    403: "The caller may not do this, or the page that asks is of a foreign origin.",
    404: "There is no such object, or it is not yours.",
    408: "The body took too long to arrive.",
    409: "It is in another state than the caller expects; or what would pay for it is held by work under way.",
    412: "The object has another revision than If-Match names.",
    413: "The body or the message is too large.",
    415: "The body's content type is not application/json.",
    429: "A limit of the key, the user or the tenant is reached; try again after Retry-After.",
    422: "The body or a parameter has the wrong shape; `problems` say where.",
    431: "The headers, or the address, are too large.",
    500: "A fault of ours; quote the request id.",
    503: "Temporal or the database does not answer; try again after Retry-After.",
    504: "No answer in time; a message may be sent again with the same message_id.",
}
