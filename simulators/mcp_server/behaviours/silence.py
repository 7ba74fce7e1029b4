"""Servers that say nothing, or nothing in time."""

import asyncio

from simulators.mcp_server.behaviours.registry import ANYWHERE, Reach, behaviour
from simulators.mcp_server.http_wire import EVENTS, JSON, head, over_http
from simulators.mcp_server.turn import Turn

LATE_S = 3.0


@behaviour(*ANYWHERE)
async def never_answers(turn: Turn) -> None:
    """Takes the request and stays silent."""
    await turn.wire.hang()


@behaviour(*ANYWHERE)
async def answers_late(turn: Turn) -> None:
    """Answers honestly after three seconds."""
    await asyncio.sleep(LATE_S)
    await turn.wire.finish(await turn.honest())


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def half_head_then_silence(turn: Turn) -> None:
    """Sends half of the answer's head and stays silent."""
    await over_http(turn).raw(b"HTTP/1.1 200 OK\r\nContent-Type: appl")
    await turn.wire.hang()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def head_then_silence(turn: Turn) -> None:
    """Sends the head of a JSON answer and stays silent."""
    await over_http(turn).raw(head(200, {"content-type": JSON, "content-length": "100"}))
    await turn.wire.hang()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def stream_then_silence(turn: Turn) -> None:
    """Opens a stream of events and sends none."""
    await over_http(turn).open_chunks(EVENTS)
    await turn.wire.hang()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def accepts_only(turn: Turn) -> None:
    """Answers a request with 202 Accepted, as if it were a notification."""
    await over_http(turn).respond(202)
