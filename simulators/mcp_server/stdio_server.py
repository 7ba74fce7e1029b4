"""The server over stdio: a line is a message."""

import asyncio
import json
import os
import sys

from simulators.mcp_server.behaviours import chosen
from simulators.mcp_server.dispatch import take
from simulators.mcp_server.stdio_wire import StdioWire
from simulators.mcp_server.subscriptions import serve_subscription
from simulators.mcp_server.turn import Turn
from simulators.mcp_server.world import World
from simulators.model_provider.json_value import as_object

LINE_LIMIT = 16 * 1024 * 1024


async def serve(world: World) -> None:
    """Answer messages until stdin ends. The behaviour of the process, if it has one, comes first."""
    reader, wire = await _pipes()
    world.tell("started", pid=os.getpid())
    async with asyncio.TaskGroup() as tasks:
        if world.behaviour is not None and chosen(world.behaviour)[1] is None:
            await chosen(world.behaviour)[0].run(Turn(world, {}, wire))
        while line := await reader.readline():
            _take_line(world, wire, line, tasks)
        wire.ended.set()
        await asyncio.sleep(world.lingers_s)
    world.tell("ended")


def _take_line(world: World, wire: StdioWire, line: bytes, tasks: asyncio.TaskGroup) -> None:
    message = as_object(json.loads(line))
    world.note_call(message)
    if message is None or "method" not in message or "id" not in message:
        return
    turn = Turn(world, message, wire)
    tasks.create_task(serve_subscription(turn) if turn.method == "subscriptions/listen" else take(turn))


async def _pipes() -> tuple[asyncio.StreamReader, StdioWire]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    return reader, StdioWire(asyncio.StreamWriter(transport, protocol, None, loop))
