"""Streams of events that do not end, or not with an answer."""

import asyncio

from simulators.mcp_server.behaviours.registry import ANYWHERE, Reach, behaviour
from simulators.mcp_server.http_wire import EVENTS, HttpWire, over_http
from simulators.mcp_server.turn import Turn, encode
from simulators.mcp_server.wire import Wire

PULSE_S = 0.02
CENTURY_MS = b"3153600000000"


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def endless_comments(turn: Turn) -> None:
    """Keeps the stream alive with comments for ever."""
    await _repeat(over_http(turn), b": still here\n\n")


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def endless_events(turn: Turn) -> None:
    """Sends notifications for ever and never the answer."""
    told = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "working"}}
    await _repeat(over_http(turn), b"data: " + encode(told) + b"\n\n")


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def stream_without_answer(turn: Turn) -> None:
    """Ends the stream in good order without an answer."""
    wire = over_http(turn)
    await wire.open_chunks(EVENTS)
    await wire.chunk(b": nothing\n\n")
    await wire.end_chunks()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def resumes_for_ever(turn: Turn) -> None:
    """Ends every stream at once and asks to resume it, without end."""
    turn.world.resumed = _end_resumably
    await _end_resumably(turn.wire)


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def resume_in_a_century(turn: Turn) -> None:
    """Ends the stream and asks to resume it in a hundred years."""
    await over_http(turn).open_chunks(EVENTS)
    await over_http(turn).chunk(b"id: 1\nretry: " + CENTURY_MS + b"\ndata: \n\n")
    await over_http(turn).end_chunks()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def invalid_event(turn: Turn) -> None:
    """Sends an event that is not JSON."""
    await over_http(turn).event(b"{nonsense")
    await turn.wire.hang()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def unknown_event(turn: Turn) -> None:
    """Sends the answer as an event of an unknown kind."""
    await over_http(turn).event(encode(await turn.honest()), b"event: surprise\n")
    await over_http(turn).end_chunks()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def stream_reset(turn: Turn) -> None:
    """Resets the connection in the middle of a stream."""
    await over_http(turn).open_chunks(EVENTS)
    await over_http(turn).chunk(b"data: {")
    turn.wire.reset()


async def _end_resumably(wire: Wire) -> None:
    if isinstance(wire, HttpWire):
        await wire.open_chunks(EVENTS)
        await wire.chunk(b"id: 1\nretry: 1\ndata: \n\n")
        await wire.end_chunks()


async def _repeat(wire: HttpWire, piece: bytes) -> None:
    wire.closing = True
    await wire.open_chunks(EVENTS)
    while not wire.reader.at_eof():
        await wire.chunk(piece)
        await asyncio.sleep(PULSE_S)
