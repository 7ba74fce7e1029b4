import asyncio
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from domain.errors import ToolUnavailable
from domain.tool_server import Limits
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from services.tools.client.pool import Bounds
from tests.tools.connections.servers.plain import Log
from tests.tools.connections.serving import call, http_server, lines, plain, plain_process, stdio_server, until


async def test_an_http_server_killed_in_mid_call_may_have_acted(either: Connections, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with plain_process(log=log) as (process, url):
        server = http_server(url)
        calls = [asyncio.create_task(call(either, server, "wait", {"seconds": 60})) for _ in range(3)]
        await until(lambda: len(lines(log)) == 3)
        process.kill()
        for task in calls:
            with pytest.raises(ToolUnavailable) as caught:
                await task
            assert caught.value.may_have_happened


async def test_after_a_restart_the_next_call_goes_through(either: Connections) -> None:
    async with plain_process() as (process, url):
        server = http_server(url)
        await call(either, server, "add", {"a": 1, "b": 1})
        process.kill()
        await process.wait()
        with pytest.raises(ToolUnavailable) as caught:
            await call(either, server, "add", {"a": 1, "b": 1})
        assert not caught.value.may_have_happened
        port = int(url.split(":")[2].split("/")[0])
        async with plain_process(port):
            assert (await call(either, server, "add", {"a": 1, "b": 1})).structured == {"result": 2}


async def test_a_stdio_server_that_dies_in_mid_call_says_why_and_starts_anew(either: Connections) -> None:
    server = stdio_server("plain.py", env={"SOME_TOKEN": "s3cr3t-value"})
    beside = asyncio.create_task(call(either, server, "wait", {"seconds": 60}))
    with pytest.raises(ToolUnavailable, match=r"exit code 3: .*the last words, token=\*\*\*") as caught:
        await call(either, server, "die")
    assert caught.value.may_have_happened
    with pytest.raises(ToolUnavailable):
        await beside
    assert (await call(either, server, "add", {"a": 1, "b": 1})).structured == {"result": 2}


async def test_a_refused_connection_is_tried_again_after_a_pause(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = http_server(f"http://127.0.0.1:{port}/mcp")
    async with Connections(commands, bounds=Bounds(first_pause_s=0.4)) as connections:
        with pytest.raises(ToolUnavailable) as caught:
            await call(connections, server, "add")
        assert not caught.value.may_have_happened
        with pytest.raises(ToolUnavailable, match="tried again") as caught:
            await call(connections, server, "add")
        assert 0 < (caught.value.retry_after_s or 0) <= 0.4
        async with plain_process(port):
            await asyncio.sleep(caught.value.retry_after_s or 0)
            assert (await call(connections, server, "add", {"a": 1, "b": 1})).structured == {"result": 2}


async def test_a_missing_command_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    async with Connections(Commands({"broken"}, [tmp_path])) as connections:
        server = stdio_server("plain.py")
        server = server.model_copy(update={"reach": server.reach.model_copy(update={"command": "broken"})})
        with pytest.raises(ToolUnavailable, match="cannot be started") as caught:
            await call(connections, server, "add")
        assert not caught.value.may_have_happened


async def test_a_server_that_never_greets_is_given_up(connections: Connections) -> None:
    server = stdio_server("rude.py", "mute", limits=Limits(connect_timeout_s=0.5))
    with pytest.raises(ToolUnavailable, match="greet") as caught:
        await call(connections, server, "act")
    assert not caught.value.may_have_happened


async def test_a_call_out_of_time_while_connecting_was_not_sent(connections: Connections) -> None:
    with pytest.raises(ToolUnavailable) as caught:
        await call(connections, stdio_server("rude.py", "mute"), "act", timeout_s=0.3)
    assert not caught.value.may_have_happened


async def test_a_call_out_of_time_is_cancelled_at_the_server(either: Connections) -> None:
    log = Log()
    async with plain(log) as url:
        with pytest.raises(ToolUnavailable) as caught:
            await call(either, http_server(url), "wait", {"seconds": 60, "name": "x"}, timeout_s=0.5)
        assert caught.value.may_have_happened
        await until(lambda: "cancelled x" in log.lines)


async def test_a_stdio_call_out_of_time_is_cancelled_at_the_server(either: Connections, tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = stdio_server("plain.py", "--log", str(log))
    await call(either, server, "add", {"a": 1, "b": 1})
    with pytest.raises(ToolUnavailable) as caught:
        await call(either, server, "wait", {"seconds": 60, "name": "x"}, timeout_s=0.5)
    assert caught.value.may_have_happened
    await until(lambda: "cancelled x" in lines(log))


async def test_a_cancelled_caller_cancels_at_the_server_and_stays_cancelled(either: Connections) -> None:
    log = Log()
    async with plain(log) as url:
        server = http_server(url)
        task = asyncio.create_task(call(either, server, "wait", {"seconds": 60, "name": "x"}))
        await until(lambda: "waiting x" in log.lines)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: "cancelled x" in log.lines)
        assert (await call(either, server, "add", {"a": 1, "b": 1})).structured == {"result": 2}


async def test_a_stopped_server_is_a_call_out_of_time(connections: Connections) -> None:
    async with plain_process() as (process, url):
        server = http_server(url)
        await call(connections, server, "add", {"a": 1, "b": 1})
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(ToolUnavailable) as caught:
            await call(connections, server, "add", {"a": 1, "b": 1}, timeout_s=0.5)
        assert caught.value.may_have_happened


async def test_closing_ends_processes_and_calls(commands: Commands) -> None:
    async with Connections(commands) as connections:
        server = stdio_server("rude.py", "child")
        child = psutil.Process(int((await call(connections, server, "act")).text))
        hanging = asyncio.create_task(call(connections, server, "act", {"do": "silent"}))
        await asyncio.sleep(0)
    with pytest.raises(ToolUnavailable):
        await hanging
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


async def test_a_process_that_does_not_want_to_end_is_killed(commands: Commands) -> None:
    async with Connections(commands) as connections:
        server = stdio_server("rude.py", "stubborn")
        child = psutil.Process(int((await call(connections, server, "act", {"do": "child"})).text))
        parent = child.parent()
        assert parent is not None
    assert not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
