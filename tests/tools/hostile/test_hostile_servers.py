"""What hostile servers must not reach: a second write, another server's calls, our network, our commands."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.errors import ToolError, ToolRefused, ToolUnavailable
from domain.tool_server import Http, Stdio, ToolServer
from domain.tools import Action, ActionType
from services.tools.client.answers import Answer
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from simulators.mcp_server.behaviours import BEHAVIOURS, Reach
from simulators.mcp_server.behaviours.floods import FLOOD
from tests.tools.hostile.arena import OPTIONS, TEXT, Arena
from tests.tools.hostile.outcomes import FAILED, LOST, UNUSABLE, Fails
from tests.tools.hostile.wire_rows import WIRE

WRITES: dict[str, Fails] = {
    "write_then_crash": LOST,
    "write_then_crash_once": LOST,
    "write_then_silence": LOST,
    "write_then_garbage": UNUSABLE,
    "write_then_500": LOST,
    "write_then_failure": FAILED,
}
FORTY = sorted(set(WIRE) - {"answers_late", "text_id", "answers_twice"})[::2][:40]


@pytest.mark.parametrize("options", ["", "+legacy+sessions"], ids=["modern", "legacy"])
@pytest.mark.parametrize("name", WRITES)
async def test_a_write_whose_answer_is_lost_is_done_once_and_said_to_be_possible(
    arena: Arena, name: str, options: str
) -> None:
    server = arena.server(name + options)
    attempt = await arena.call(server, "note_create")
    assert WRITES[name].problem(attempt) is None
    assert [write["arguments"] for write in await arena.told(server, "writes")] == [{"text": TEXT}]
    found = await arena.call(server, "note_list")
    assert found.answer.structured == {"notes": [{"id": 1, "text": TEXT}]}


def test_every_behaviour_of_writes_is_in_the_table() -> None:
    assert {
        name for name, one in BEHAVIOURS.items() if name.startswith("write_") and one.reach is not Reach.STDIO
    } == set(WRITES)


async def test_forty_hostile_servers_at_once_hold_up_nobody(arena: Arena) -> None:
    """All are listed and called at the same time, over the connections that an honest server is called over."""
    assert len(FORTY) == 40
    servers = [
        ToolServer(id=f"hostile-{number}", reach=arena.server(f"{name}@call").reach, options=OPTIONS)
        for number, name in enumerate(FORTY)
    ]
    async with arena.beside() as watch:
        begun = time.monotonic()
        got = await asyncio.gather(*(_use(arena.connections, server) for server in servers))
        seconds = time.monotonic() - begun
    assert [name for name, error in zip(FORTY, got, strict=True) if not isinstance(error, ToolError)] == []
    assert seconds < 15
    assert watch.calls > 10
    assert sum([len(await arena.told(server, "writes")) for server in servers]) <= len(servers)


async def _use(connections: Connections, server: ToolServer) -> Answer | ToolError:
    action = Action(server=server.id, type=ActionType.TOOL, name="note_create")
    try:
        await connections.listing(server, "owner")
        return await connections.call(server, "owner", action, {"text": TEXT}, timeout_s=2.0)
    except ToolError as error:
        return error


async def test_a_shadowing_server_gets_no_call_of_another(arena: Arena) -> None:
    shadow = arena.server("shadows_another")
    assert (await arena.call(arena.honest)).answer.structured == {"text": TEXT}
    await arena.listing(shadow)
    assert (await arena.call(arena.honest)).answer.structured == {"text": TEXT}
    assert await arena.times_called(shadow) == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/mcp", "http://10.0.0.1/mcp", "http://[::1]:9/mcp", "http://localhost:9/mcp"]
)
async def test_a_private_address_is_refused(arena: Arena, url: str) -> None:
    server = ToolServer(id="private", reach=Http(url=url), options=OPTIONS)
    error = (await arena.call(server)).error
    assert isinstance(error, ToolRefused)
    assert not error.may_have_happened


async def test_a_metadata_address_is_refused_even_where_private_ones_are_allowed(arena: Arena) -> None:
    server = ToolServer(
        id="metadata", reach=Http(url="http://169.254.169.254/mcp", allow_private=True), options=OPTIONS
    )
    assert isinstance((await arena.call(server)).error, ToolRefused)


@pytest.mark.parametrize(
    "command", ["unlisted-mcp", "../hostile-mcp", "./hostile-mcp", "sh", "hostile-mcp; sh", "hostile-mcp\0", "-c"]
)
async def test_a_command_that_is_not_listed_does_not_run(arena: Arena, command: str) -> None:
    server = ToolServer(id="unlisted", reach=Stdio(command=command), options=OPTIONS)
    error = (await arena.call(server)).error
    assert isinstance(error, ToolRefused)
    assert not error.may_have_happened


async def test_nobody_there_is_unavailable_and_nothing_has_happened(arena: Arena) -> None:
    server = ToolServer(id="nobody", reach=Http(url="http://127.0.0.1:9/mcp", allow_private=True), options=OPTIONS)
    error = (await arena.call(server)).error
    assert isinstance(error, ToolUnavailable)
    assert not error.may_have_happened


@pytest.mark.parametrize(
    "name", ["unknown_version", "future_only", "odd_capabilities", "handshake_of_nothing", "odd_session_id"]
)
@pytest.mark.parametrize("options", ["", "+legacy"], ids=["modern", "legacy"])
async def test_a_greeting_that_does_not_hold_is_a_typed_error(arena: Arena, name: str, options: str) -> None:
    server = arena.server(name + options)
    attempt = await arena.call(server)
    if name == "odd_session_id" and isinstance(attempt.got, Answer):
        return
    assert not attempt.error.may_have_happened
    assert await arena.times_called(server) == 0


@pytest.mark.parametrize("name", ["no_capabilities", "long_session_id", "instructions_orders"])
async def test_an_odd_greeting_is_borne(arena: Arena, name: str) -> None:
    assert (await arena.call(arena.server(name + "+legacy"))).answer.structured == {"text": TEXT}


@pytest_asyncio.fixture
async def heard(commands: Commands) -> AsyncIterator[tuple[Connections, list[str]]]:
    changed: list[str] = []
    async with Connections(commands, on_changed=changed.append) as connections:
        yield connections, changed


async def test_a_flood_of_changes_is_heard_and_answered(arena: Arena, heard: tuple[Connections, list[str]]) -> None:
    connections, changed = heard
    arena = Arena(connections, arena.address, arena.honest, arena.name)
    server = arena.server("change_flood+legacy+sessions")
    assert (await arena.call(server, patience_s=12.0)).answer.structured == {"text": TEXT}
    assert 0 < len(changed) <= FLOOD
    assert set(changed) == {server.id}
