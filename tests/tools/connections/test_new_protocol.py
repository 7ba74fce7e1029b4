"""What only the protocol of 2026-07-28 has."""

from typing import Annotated, Any

import pytest
from mcp.server.mcpserver import MCPServer
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import ToolAnswerInvalid, ToolNeedsInput
from domain.tools import ActionType
from services.tools.client.connections import Connections
from tests.tools.connections.serving import OWNER, call, http_server, serving
from tests.tools.connections.wire import Wire, result, wired, with_response

CITY = Field(json_schema_extra={"x-mcp-header": "City"})


class Modern(Wire):
    """A server of the new protocol by hand."""

    async def handle(self, request: Request) -> Response:
        """Answer the discovery and calls."""
        message: dict[str, Any] = await request.json()
        if message["method"] != "server/discover":
            return await self.reply(request, message)
        offer: dict[str, Any] = {
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}},
            "resultType": "complete",
        }
        return JSONResponse(result(message, {**offer, "ttlMs": 0, "cacheScope": "private"}))


async def test_a_tool_whose_arguments_are_repeated_as_headers_can_be_called_unlisted(connections: Connections) -> None:
    server = MCPServer("regional", log_level="CRITICAL")

    @server.tool(structured_output=False)
    async def region(city: Annotated[str, CITY]) -> str:
        return f"in {city}"

    async with serving(server.streamable_http_app()) as origin:
        answer = await call(connections, http_server(f"{origin}/mcp"), "region", {"city": "Hu\u1ebf"})
        assert answer.text == "in Hu\u1ebf"


@pytest.mark.parametrize(
    ("kind", "name"), [(ActionType.TOOL, "act"), (ActionType.RESOURCE, "a://b"), (ActionType.PROMPT, "act")]
)
async def test_a_server_that_asks_back_needs_input(connections: Connections, kind: ActionType, name: str) -> None:
    asked: dict[str, Any] = {
        "mode": "form",
        "message": "Which\u200b one?",
        "requestedSchema": {"type": "object", "properties": {}},
    }
    wanted: dict[str, Any] = {
        "inputRequests": {"q": {"method": "elicitation/create", "params": asked}},
        "resultType": "input_required",
    }
    wire = Modern(with_response(lambda message: JSONResponse(result(message, wanted))))
    async with wired(wire) as url:
        with pytest.raises(ToolNeedsInput, match="asks: Which one") as caught:
            await call(connections, http_server(url), name, type=kind)
        assert not caught.value.may_have_happened


async def test_a_protocol_that_we_do_not_speak_is_an_error(connections: Connections) -> None:
    wire = Wire(with_response(lambda _: Response(status_code=500)))
    greeting = {"protocolVersion": "1999-01-01", "capabilities": {}, "serverInfo": {"name": "old", "version": "0"}}
    wire.greet = with_response(lambda message: JSONResponse(result(message, greeting)))
    async with wired(wire) as url:
        with pytest.raises(ToolAnswerInvalid, match="protocol"):
            await connections.listing(http_server(url), OWNER)
