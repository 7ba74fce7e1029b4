"""Sending a scripted answer byte by byte."""

import asyncio
from collections.abc import Callable, Iterator

from starlette.types import Send

from simulators.model_provider.faults import Raw


async def send_raw(send: Send, raw: Raw, over: Callable[[], None]) -> None:
    """Send the answer; `over` is called just before its end. Returns without having ended it where it is to be cut."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in raw.headers.items()]
    await send({"type": "http.response.start", "status": raw.status, "headers": headers})
    for piece in _pieces(raw):
        if raw.pause_s:
            await asyncio.sleep(raw.pause_s)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if raw.end == "hang":
        await asyncio.Event().wait()
    over()
    if raw.end == "close":
        await send({"type": "http.response.body", "body": b""})


def _pieces(raw: Raw) -> Iterator[bytes]:
    content = raw.content
    size = raw.piece_bytes or len(content) or 1
    for _ in range(raw.repeat):
        for start in range(0, len(content), size):
            yield content[start : start + size]
