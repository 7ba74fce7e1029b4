import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Literal

import anyio
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.subscriptions import ToolsListChanged

from simulators.mcp_server.http_server import McpHttpServer
from tests.house.source import ROOT
from tests.simulators.mcp_server.raw import ask, request

Mode = Literal["auto", "legacy"]
Connect = Callable[[str, Mode], AbstractAsyncContextManager[Client]]
VERSIONS: dict[Mode, str] = {"auto": "2026-07-28", "legacy": "2025-11-25"}


@pytest.fixture(params=["http", "stdio"])
def connect(request: pytest.FixtureRequest, mcp_server: McpHttpServer, tmp_path: Path) -> Connect:
    """Connect the SDK's client to a new honest server."""

    @asynccontextmanager
    async def open_client(name: str, mode: Mode) -> AsyncIterator[Client]:
        url = f"{mcp_server.address}/as/honest/{name}-{mode}/mcp"
        command = ["-m", "simulators.mcp_server", "--stdio", "--log", str(tmp_path / "log.jsonl")]
        process = StdioServerParameters(command=sys.executable, args=command, cwd=ROOT)
        async with Client(url if request.param == "http" else process, mode=mode) as client:
            yield client

    return open_client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_sdk_client_can_do_everything(connect: Connect, mode: Mode) -> None:
    async with connect("everything", mode) as client:
        assert client.protocol_version == VERSIONS[mode]
        assert [tool.name for tool in (await client.list_tools()).tools][:3] == ["echo", "add", "note_create"]
        assert (await client.call_tool("add", {"a": 1, "b": 2})).structured_content == {"sum": 3}
        assert (await client.call_tool("note_create", {"text": "first"})).structured_content == {
            "id": 1,
            "text": "first",
        }
        found = (await client.call_tool("note_list", {"contains": "irs"})).structured_content
        assert found == {"notes": [{"id": 1, "text": "first"}]}
        assert (await client.call_tool("fail", {"text": "no"})).is_error
        assert (await client.call_tool("echo", {})).is_error
        assert (await client.read_resource("memo://notes/1")).contents[0].model_dump()["text"] == "first"
        assert (await client.list_resource_templates()).resource_templates[0].uri_template == "memo://notes/{id}"
        assert len((await client.list_resources()).resources) == 2
        assert (await client.list_prompts()).prompts[0].name == "summarise"
        prompt = await client.get_prompt("summarise", {"text": "it"})
        assert prompt.messages[0].content.model_dump()["text"] == "Summarise: it"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_what_is_not_there_is_an_error(connect: Connect, mode: Mode) -> None:
    async with connect("missing", mode) as client:
        for wrong in (
            client.call_tool("nothing", {}),
            client.read_resource("memo://nothing"),
            client.get_prompt("nothing"),
            client.list_tools(cursor="nothing"),
        ):
            with pytest.raises(MCPError):
                await wrong


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_progress_is_told(connect: Connect, mode: Mode) -> None:
    told: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        del total, message
        told.append(progress)

    async with connect("progress", mode) as client:
        await client.call_tool("slow", {"steps": 3}, progress_callback=note)
    assert told == [1, 2, 3]


async def test_changes_are_told_to_those_who_listen(mcp_server: McpHttpServer) -> None:
    world = mcp_server.world("/as/honest/listening")
    assert world is not None
    async with (
        Client(f"{world.base_url}/mcp") as client,
        client.listen(tools_list_changed=True) as events,
    ):
        assert world.announce({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}) == 1
        with anyio.fail_after(5):
            assert isinstance(await anext(aiter(events)), ToolsListChanged)


async def test_changes_are_told_on_the_older_protocols_stream(mcp_server: McpHttpServer) -> None:
    world = mcp_server.world("/as/honest+legacy+sessions/listening")
    assert world is not None
    changed = anyio.Event()

    async def handle(message: object) -> None:
        if type(message).__name__ == "ToolListChangedNotification":
            changed.set()

    async with Client(f"{world.base_url}/mcp", message_handler=handle):
        with anyio.fail_after(5):
            while not world.announce({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}):
                await anyio.sleep(0.01)
            await changed.wait()


async def test_an_unknown_session_is_404(mcp_server: McpHttpServer) -> None:
    url = f"{mcp_server.address}/as/honest+legacy+sessions/strangers/mcp"
    assert (await ask(url, request("list"))).status == 404


@pytest.mark.parametrize(("options", "version"), [("legacy", "2025-11-25"), ("modern", "2026-07-28")])
async def test_a_server_can_speak_one_protocol_only(mcp_server: McpHttpServer, options: str, version: str) -> None:
    async with Client(f"{mcp_server.address}/as/honest+{options}/one/mcp") as client:
        assert client.protocol_version == version


async def test_what_came_in_and_what_was_written_is_told(mcp_server: McpHttpServer) -> None:
    world = mcp_server.world("/as/honest/record")
    assert world is not None
    async with Client(f"{world.base_url}/mcp") as client:
        await client.call_tool("note_create", {"text": "a"})
        await client.call_tool("note_delete_all", {})
        await client.call_tool("echo", {"text": "b"})
    assert [write["tool"] for write in world.writes] == ["note_create", "note_delete_all"]
    called = [call["message"]["params"]["name"] for call in world.calls if call["message"]["method"] == "tools/call"]
    assert called == ["note_create", "note_delete_all", "echo"]
    assert world.notes == []
