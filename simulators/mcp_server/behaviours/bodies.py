"""Answers whose bytes are not the JSON they should be."""

import asyncio
import gzip
import io
from functools import cache

from simulators.mcp_server.behaviours.registry import ANYWHERE, Reach, behaviour
from simulators.mcp_server.http_wire import JSON, over_http
from simulators.mcp_server.protocol import failure
from simulators.mcp_server.turn import Turn, encode

DEPTH = 100_000
DIGITS = 100_000
BOMB_BYTES = 256 * 1024 * 1024
_MEGABYTE = 1024 * 1024


@behaviour(*ANYWHERE)
async def invalid_json(turn: Turn) -> None:
    """Answers with text that is not JSON."""
    await turn.wire.body(b"{'jsonrpc': '2.0', result: }")


@behaviour(*ANYWHERE)
async def half_json(turn: Turn) -> None:
    """Answers with the first half of the honest JSON text, as if it were all."""
    body = encode(await turn.honest())
    await turn.wire.body(body[: len(body) // 2])


@behaviour(*ANYWHERE)
async def empty_body(turn: Turn) -> None:
    """Answers with nothing."""
    await turn.wire.body(b"")


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def html_page(turn: Turn) -> None:
    """Answers with status 200 and a page for people."""
    page = b"<!doctype html><title>Sign in</title><form>Password: <input type=password></form>"
    await over_http(turn).respond(200, page, {"content-type": "text/html"})


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def html_called_json(turn: Turn) -> None:
    """Answers with a page for people that is labelled as JSON."""
    await turn.wire.body(b"<!doctype html><title>Sign in</title>")


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def wrong_content_type(turn: Turn) -> None:
    """Labels the honest answer as plain text."""
    await over_http(turn).respond(200, encode(await turn.honest()), {"content-type": "text/plain"})


@behaviour(*ANYWHERE)
async def nan(turn: Turn) -> None:
    """Answers with NaN and Infinity, which JSON has not."""
    body = encode(turn.answer({"content": [], "structuredContent": {"sum": float("nan"), "text": float("inf")}}))
    await turn.wire.body(body)


@behaviour(*ANYWHERE)
async def deep_nesting(turn: Turn) -> None:
    """Answers with arrays a hundred thousand deep."""
    body = encode(turn.answer({"content": [], "structuredContent": {"sum": "@"}}))
    await turn.wire.body(body.replace(b'"@"', b"[" * DEPTH + b"]" * DEPTH))


@behaviour(*ANYWHERE)
async def huge_number(turn: Turn) -> None:
    """Answers with an integer of a hundred thousand digits."""
    body = encode(turn.answer({"content": [], "structuredContent": {"sum": "@"}}))
    await turn.wire.body(body.replace(b'"@"', b"9" * DIGITS))


@behaviour(*ANYWHERE)
async def invalid_utf8(turn: Turn) -> None:
    """Answers with bytes that are not UTF-8 within the JSON."""
    body = encode(turn.answer({"content": [{"type": "text", "text": "@"}]}))
    await turn.wire.body(body.replace(b"@", b"\xff\xfe\x80"))


@behaviour(*ANYWHERE)
async def byte_order_mark(turn: Turn) -> None:
    """Puts a byte order mark before the honest answer."""
    await turn.wire.body(b"\xef\xbb\xbf" + encode(await turn.honest()))


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def utf16(turn: Turn) -> None:
    """Sends the honest answer as UTF-16."""
    await turn.wire.body(encode(await turn.honest()).decode().encode("utf-16"))


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def gzip_bomb(turn: Turn) -> None:
    """Sends a quarter of a megabyte that unpacks to 256 MB of white space and an answer."""
    bomb = await asyncio.to_thread(_bomb, encode(await turn.honest()))
    await over_http(turn).respond(200, bomb, {"content-encoding": "gzip"})


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def gzip_bomb_error(turn: Turn) -> None:
    """Sends the same as the body of a 400."""
    bomb = await asyncio.to_thread(_bomb, encode(failure(turn.message, -32602, "no")))
    await over_http(turn).respond(400, bomb, {"content-encoding": "gzip"})


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def gzip_bomb_stream(turn: Turn) -> None:
    """Sends the same as a stream of events."""
    bomb = await asyncio.to_thread(_bomb, b"data: " + encode(await turn.honest()) + b"\n\n")
    await over_http(turn).respond(200, bomb, {"content-encoding": "gzip", "content-type": "text/event-stream"})


@behaviour(*ANYWHERE, reach=Reach.HTTP)
async def gzip_garbage(turn: Turn) -> None:
    """Calls the honest answer gzip, which it is not."""
    headers = {"content-encoding": "gzip", "content-type": JSON}
    await over_http(turn).respond(200, encode(await turn.honest()), headers)


def _bomb(tail: bytes) -> bytes:
    return _white_space() + gzip.compress(tail)


@cache
def _white_space() -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as file:
        for _ in range(BOMB_BYTES // _MEGABYTE):
            file.write(b" " * _MEGABYTE)
    return packed.getvalue()
