"""Processes that behave badly on their pipes, from their start on."""

import asyncio
import os
import signal
import subprocess
import sys

from simulators.mcp_server.behaviours.registry import Reach, Stage, behaviour
from simulators.mcp_server.stdio_wire import over_stdio
from simulators.mcp_server.turn import Turn

MEGABYTE = b"x" * (1024 * 1024)
FLOOD_MB = 100
LINGER_S = 60
"""How long what refuses to end stays, so that a failed test leaves nothing for long."""
_SLEEP = f"import time; time.sleep({LINGER_S})"


@behaviour(reach=Reach.STDIO)
async def exits_at_once(_turn: Turn) -> None:
    """Ends with status 1 before it says anything."""
    os.write(2, b"error: no such configuration\n")
    os._exit(1)


@behaviour(reach=Reach.STDIO)
async def banner(turn: Turn) -> None:
    """Greets people on stdout before it speaks the protocol."""
    await over_stdio(turn).raw(b"\x1b[1mWelcome!\x1b[0m\nlistening on stdin\n\n{}\n[]\n")


@behaviour(reach=Reach.STDIO)
async def binary_garbage(turn: Turn) -> None:
    """Writes a megabyte of bytes that are no text on stdout, then speaks the protocol."""
    await over_stdio(turn).raw(bytes(range(256)) * 4096 + b"\n")


@behaviour(reach=Reach.STDIO)
async def endless_line(turn: Turn) -> None:
    """Writes 100 MB without a line's end on stdout, then speaks the protocol."""
    for _ in range(FLOOD_MB):
        await over_stdio(turn).raw(MEGABYTE)
    await over_stdio(turn).raw(b"\n")


@behaviour(Stage.CALL, reach=Reach.STDIO)
async def endless_line_in_call(turn: Turn) -> None:
    """Writes 100 MB without a line's end on stdout where the answer should be."""
    for _ in range(FLOOD_MB):
        await over_stdio(turn).raw(MEGABYTE)
    await turn.wire.hang()


@behaviour(reach=Reach.STDIO)
async def stderr_flood(_turn: Turn) -> None:
    """Writes 100 MB on stderr, then speaks the protocol."""
    await asyncio.to_thread(_flood_stderr)


@behaviour(reach=Reach.STDIO)
async def ignores_signals(turn: Turn) -> None:
    """Ends neither at SIGTERM nor when stdin is closed; only SIGKILL helps."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    turn.world.lingers_s = LINGER_S


@behaviour(reach=Reach.STDIO)
async def grandchild_keeps_pipe(turn: Turn) -> None:
    """Starts a process in a session of its own that keeps stdout open when the server ends."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _SLEEP, stdin=subprocess.DEVNULL, start_new_session=True
    )
    turn.world.tell("grandchild", pid=child.pid)


@behaviour(reach=Reach.STDIO)
async def starts_late(_turn: Turn) -> None:
    """Reads nothing for three seconds."""
    await asyncio.sleep(3)


@behaviour(reach=Reach.STDIO)
async def closes_stdout(turn: Turn) -> None:
    """Closes stdout and lives on."""
    over_stdio(turn).writer.close()
    os.close(sys.stdout.fileno())
    await asyncio.sleep(LINGER_S)


@behaviour(Stage.CALL, reach=Reach.STDIO)
async def garbage_before_answer(turn: Turn) -> None:
    """Writes lines that are no messages before the honest answer."""
    await over_stdio(turn).raw(b'DEBUG calling tool\n\x00\xff\n{"a": 1}\nnull\n[1]\n')
    await turn.wire.finish(await turn.honest())


def _flood_stderr() -> None:
    for _ in range(FLOOD_MB):
        os.write(2, MEGABYTE)
