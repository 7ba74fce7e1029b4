"""Answers that break HTTP, and connections that break in mid-answer."""

import asyncio

from simulators.mcp_server.behaviours.registry import ANYWHERE, Reach, behaviour
from simulators.mcp_server.http_wire import JSON, HttpWire, head, over_http
from simulators.mcp_server.turn import Turn, encode

DRIP_S = 1.0
HUGE_LENGTH = "1000000000000000"


@behaviour(*ANYWHERE)
async def crashes(turn: Turn) -> None:
    """Drops the connection with a reset; over stdio the process dies."""
    turn.wire.reset()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def closes_at_once(turn: Turn) -> None:
    """Closes the connection without a byte."""
    await over_http(turn).close()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def half_answer_then_close(turn: Turn) -> None:
    """Tells the answer's length, sends half of it and closes."""
    wire = over_http(turn)
    body = encode(await turn.honest())
    await wire.raw(head(200, {"content-type": JSON, "content-length": str(len(body))}) + body[: len(body) // 2])
    await wire.close()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def half_answer_then_reset(turn: Turn) -> None:
    """Sends half of a chunked answer and resets the connection."""
    wire = over_http(turn)
    body = encode(await turn.honest())
    await wire.open_chunks(JSON)
    await wire.chunk(body[: len(body) // 2])
    wire.reset()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def not_http(turn: Turn) -> None:
    """Answers with bytes that are not HTTP."""
    await over_http(turn).raw(b"220 mail.example ESMTP\r\n\x00\xff\xfe")
    await over_http(turn).close()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def endless_informational(turn: Turn) -> None:
    """Sends `103 Early Hints` for ever."""
    await _for_ever(over_http(turn), b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def endless_headers(turn: Turn) -> None:
    """Sends headers for ever."""
    await over_http(turn).raw(b"HTTP/1.1 200 OK\r\n")
    await _for_ever(over_http(turn), b"x-more: " + b"y" * 1000 + b"\r\n")


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def endless_body(turn: Turn) -> None:
    """Sends white space for ever where JSON should begin."""
    await over_http(turn).open_chunks(JSON)
    await _for_ever(over_http(turn), b"1000\r\n" + b" " * 4096 + b"\r\n")


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def broken_chunks(turn: Turn) -> None:
    """Sends a chunk whose size is no number."""
    await over_http(turn).open_chunks(JSON)
    await over_http(turn).raw(b"zz\r\n{}\r\n")
    await over_http(turn).close()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def huge_length(turn: Turn) -> None:
    """Promises a petabyte and sends one byte."""
    await over_http(turn).raw(head(200, {"content-type": JSON, "content-length": HUGE_LENGTH}) + b"{")
    await turn.wire.hang()


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def drips(turn: Turn) -> None:
    """Sends the honest answer one byte a second."""
    wire = over_http(turn)
    body = encode(await turn.honest())
    await wire.raw(head(200, {"content-type": JSON, "content-length": str(len(body))}))
    for place in range(len(body)):
        await wire.raw(body[place : place + 1])
        await asyncio.sleep(DRIP_S)


async def _for_ever(wire: HttpWire, piece: bytes) -> None:
    wire.closing = True
    while not wire.reader.at_eof():
        await wire.raw(piece)
        await asyncio.sleep(0)
