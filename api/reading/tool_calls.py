"""Tool calls as documents."""

from api.caller import Caller
from api.documents.texts import excerpts
from api.documents.tool_calls import ToolCallDocument, ToolCallsDocument
from api.parts import Parts
from domain.content import Text
from services.storage.views import tool_calls as tool_calls_view


async def load_tool_calls(parts: Parts, caller: Caller, request_id: str) -> ToolCallsDocument:
    """Return the tool calls of a request.

    Raises:
        NotFound: There is no such request, or it is another owner's.
    """
    async with parts.database.transaction() as tx:
        views = await tool_calls_view.tool_calls(tx, caller.owner, request_id)
        texts: dict[str, Text | None] = {f"arguments/{view.id}": view.arguments for view in views}
        cut = await excerpts(tx, texts | {f"answer/{view.id}": view.answer for view in views})
    calls = [
        ToolCallDocument(
            **view.model_dump(exclude={"arguments", "answer"}),
            arguments=cut[f"arguments/{view.id}"],
            answer=cut.get(f"answer/{view.id}"),
        )
        for view in views
    ]
    return ToolCallsDocument(request_id=request_id, calls=calls)
