"""Requests and plans as resources: `longhaul://requests/{id}` and `longhaul://requests/{id}/plan`, both JSON."""

import re
from typing import Final

from mcp_types import ListResourcesResult, ReadResourceResult, Resource, ResourceTemplate, TextResourceContents
from pydantic import BaseModel

from api.caller import Caller
from api.documents.requests import ListQuery, RequestSummary
from api.parts import Parts
from api.problems import not_found
from api.reading.plans import load_plan
from api.reading.requests import load_document, load_page
from api.waiting import load_request

_JSON: Final = "application/json"
_ROOT: Final = "longhaul://requests"
_URI: Final = re.compile(rf"{_ROOT}/(?P<id>req_[0-9a-f]{{32}})(?P<plan>/plan)?\Z")
_PAGE: Final = 50
_TITLE_CHARS: Final = 100

TEMPLATES: Final = (
    ResourceTemplate(
        uri_template=f"{_ROOT}/{{id}}",
        name="request",
        title="A request",
        description="A request as it stands: phase, open questions and approvals, outcome, answer, cost.",
        mime_type=_JSON,
    ),
    ResourceTemplate(
        uri_template=f"{_ROOT}/{{id}}/plan",
        name="plan",
        title="A request's plan",
        description="The newest version of the plan, with how each step stands.",
        mime_type=_JSON,
    ),
)


async def list_resources(parts: Parts, caller: Caller, cursor: str | None) -> ListResourcesResult:
    """Return a page of the caller's requests, newest first.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    page = await load_page(parts, caller, ListQuery(cursor=cursor, limit=_PAGE))
    return ListResourcesResult(resources=[_listed(request) for request in page.requests], next_cursor=page.cursor)


async def read_resource(parts: Parts, caller: Caller, uri: str) -> ReadResourceResult:
    """Return a resource.

    Raises:
        ApiProblem: It is no address of ours.
        NotFound: There is no such request or plan, or it is another owner's.
    """
    found = _URI.match(uri)
    if found is None:
        raise not_found("resource")
    if found["plan"]:
        return _contents(uri, await load_plan(parts, caller, found["id"]))
    return _contents(uri, await load_document(parts, await load_request(parts, caller, found["id"])))


def _listed(request: RequestSummary) -> Resource:
    return Resource(
        uri=f"{_ROOT}/{request.id}",
        name=request.id,
        title=request.message.text[:_TITLE_CHARS],
        description=f"{request.phase.value}, since {request.created_at.isoformat(timespec='seconds')}",
        mime_type=_JSON,
    )


def _contents(uri: str, document: BaseModel) -> ReadResourceResult:
    return ReadResourceResult(
        contents=[TextResourceContents(uri=uri, mime_type=_JSON, text=document.model_dump_json())]
    )
