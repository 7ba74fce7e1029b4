"""The tool calls of a request."""

from fastapi import APIRouter

from api.caller import CallerOf
from api.documents.tool_calls import ToolCallsDocument
from api.parameters import RequestId
from api.parts import PartsOf
from api.problems import errors
from api.reading.tool_calls import load_tool_calls

router = APIRouter(prefix="/v1/requests/{request_id}", tags=["requests"])


@router.get("/tool-calls", responses=errors(403, 404, 503))
async def read_tool_calls(request_id: RequestId, parts: PartsOf, caller: CallerOf) -> ToolCallsDocument:
    """Read the tool calls that the request has made, with what became of each."""
    return await load_tool_calls(parts, caller, request_id)
