import asyncio
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors import ToolRefused, ToolUnavailable
from domain.tool_server import AuthorizationCode, Limits, ToolServer
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from services.tools.client.pool import Bounds, key_of
from services.tools.client.rates import Gate, Rate
from tests.tools.connections.servers.plain import Log
from tests.tools.connections.serving import call, http_server, plain, until
from tests.tools.connections.wire import Wire, result, said, wired


async def test_only_so_many_calls_run_at_once(connections: Connections) -> None:
    log = Log()
    async with plain(log) as url:
        server = http_server(url, limits=Limits(max_concurrency=2))
        running = [asyncio.create_task(call(connections, server, "wait", {"seconds": 0.4})) for _ in range(4)]
        await until(lambda: len(log.lines) >= 2)
        assert len(log.lines) == 2
        await asyncio.gather(*running)
        assert len(log.lines) == 4


async def test_a_call_that_gets_no_turn_in_time_was_not_sent(connections: Connections, plain_url: str) -> None:
    server = http_server(plain_url, limits=Limits(max_concurrency=1))
    running = asyncio.create_task(call(connections, server, "wait", {"seconds": 0.6}))
    await asyncio.sleep(0)
    with pytest.raises(ToolUnavailable, match="busy") as caught:
        await call(connections, server, "add", {"a": 1, "b": 1}, timeout_s=0.2)
    assert not caught.value.may_have_happened
    await running
    await call(connections, server, "add", {"a": 1, "b": 1})


async def test_calls_over_the_rate_are_refused_with_the_time_to_wait(connections: Connections, plain_url: str) -> None:
    server = http_server(plain_url, limits=Limits(calls_per_minute=4))
    await call(connections, server, "add", {"a": 1, "b": 1})
    with pytest.raises(ToolUnavailable, match="per minute") as caught:
        await call(connections, server, "add", {"a": 1, "b": 1}, timeout_s=5)
    assert not caught.value.may_have_happened
    assert 14 < (caught.value.retry_after_s or 0) <= 15


def test_a_rate_lets_a_quarter_through_at_once_and_then_paces() -> None:
    rate = Rate(60)
    waits = [rate.take(100.0, 200.0) for _ in range(20)]
    assert waits[:15] == [0] * 15
    assert [round(later - earlier, 6) for earlier, later in pairwise(waits[14:])] == [1.0] * 5
    with pytest.raises(ToolUnavailable):
        rate.take(100.0, 105.0)
    assert rate.take(1000.0, 1000.0) == 0


async def test_too_many_who_wait_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.tools.client.rates.WAITING_LIMIT", 1)
    gate, deadline = Gate(Limits(max_concurrency=1)), asyncio.get_running_loop().time() + 0.3
    entered = asyncio.Event()

    async def turn() -> None:
        async with gate.turn(deadline):
            entered.set()
            await asyncio.sleep(5)

    first = asyncio.create_task(turn())
    await entered.wait()
    second = asyncio.create_task(turn())
    await until(lambda: gate.waiting)
    with pytest.raises(ToolUnavailable, match="too many"):
        await turn()
    with pytest.raises(ToolUnavailable, match="busy"):
        await second
    first.cancel()


async def test_an_idle_connection_is_closed(commands: Commands, plain_url: str) -> None:
    async with Connections(commands, bounds=Bounds(idle_s=0.2)) as connections:
        server = http_server(plain_url)
        await call(connections, server, "add", {"a": 1, "b": 1})
        assert connections.health()[server.id].connected
        await until(lambda: not connections.health()[server.id].connected)
        assert (await call(connections, server, "add", {"a": 1, "b": 1})).structured == {"result": 2}


async def test_the_one_idle_longest_makes_room(commands: Commands) -> None:
    log = Log()
    async with plain(log) as url, Connections(commands, bounds=Bounds(connections=2)) as connections:
        servers = [http_server(url) for _ in range(4)]
        for server in servers[:3]:
            await call(connections, server, "add", {"a": 1, "b": 1})
        health = connections.health()
        assert [health[server.id].connected for server in servers[:3]] == [False, True, True]
        busy = [asyncio.create_task(call(connections, server, "wait", {"seconds": 0.5})) for server in servers[1:3]]
        await until(lambda: len(log.lines) == 2)
        with pytest.raises(ToolUnavailable, match="in use") as caught:
            await call(connections, servers[3], "add", {"a": 1, "b": 1})
        assert not caught.value.may_have_happened
        await asyncio.gather(*busy)


async def test_a_new_revision_closes_the_old_connection_when_its_calls_are_done(connections: Connections) -> None:
    finish = asyncio.Event()

    async def reply(_: Request, message: dict[str, Any]) -> Response:
        if "wait" in message["params"]["arguments"]:
            await finish.wait()
        return JSONResponse(result(message, said("done")))

    wire = Wire(reply)
    wire.session = "shared"
    async with wired(wire) as url:
        old = http_server(url)
        new = old.model_copy(update={"revision": 2})
        running = asyncio.create_task(call(connections, old, "act", {"wait": True}))
        await until(wire.calls)
        await call(connections, new, "act")
        assert (wire.ended, running.done()) == ([], False)
        finish.set()
        assert (await running).text == "done"
        await until(lambda: wire.ended == ["shared"])


def test_owners_share_a_connection_unless_each_signs_in() -> None:
    def keys(server: ToolServer) -> int:
        return len({key_of(server, "ada"), key_of(server, "bob")})

    assert keys(http_server("http://a.test")) == 1
    assert keys(http_server("http://a.test", auth=AuthorizationCode(shared=True))) == 1
    assert keys(http_server("http://a.test", auth=AuthorizationCode())) == 2


async def test_each_owner_signs_in_with_their_own(commands: Commands, plain_url: str) -> None:
    asked: list[str] = []

    class Named(httpx2.BasicAuth):
        pass

    def auth(_: ToolServer, owner: str) -> httpx2.Auth:
        asked.append(owner)
        return Named(owner, "x")

    async with Connections(commands, auth=auth) as connections:
        server = http_server(plain_url, auth=AuthorizationCode())
        for owner in ("ada", "bob", "ada"):
            await call(connections, server, "add", {"a": 1, "b": 1}, owner=owner)
    assert asked == ["ada", "bob"]


async def test_a_disabled_server_is_refused(connections: Connections, plain_url: str) -> None:
    with pytest.raises(ToolRefused, match="disabled"):
        await call(connections, http_server(plain_url).model_copy(update={"disabled": True}), "add")


async def test_health_tells_what_happened(connections: Connections, plain_url: str) -> None:
    server = http_server(plain_url)
    await call(connections, server, "add", {"a": 1, "b": 1})
    with pytest.raises(ToolUnavailable):
        await call(connections, server, "wait", {"seconds": 9}, timeout_s=0.2)
    health = connections.health()[server.id]
    assert (health.connected, health.calls, health.errors) == (True, 2, 1)
    assert health.last_error == "tool_timed_out: the server did not answer in time"
    assert health.last_used is not None
