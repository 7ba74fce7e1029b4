"""Sending one answer over ASGI, with the waits, cuts and garbage that a scripted fault wants.

A dropped connection is an answer left incomplete: the server then closes the socket.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Send

from simulators.model_provider.calls import Call
from simulators.model_provider.chat import ChatCall
from simulators.model_provider.errors import envelope
from simulators.model_provider.faults import Fault
from simulators.model_provider.limits import Headers
from simulators.model_provider.replies import Reply
from simulators.model_provider.wire import BAD_CHUNK, DONE, Chunks, completion, dump, pieces

_JSON = (b"content-type", b"application/json")
_SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
_BAD_BODY = b'{"id": "sim, not json'
_NO_FAULT = Fault()


class _CutError(Exception):
    """The rest of the answer is not sent."""


@dataclass(slots=True)
class Exchange:
    """One answer on its way. What was sent is noted in `entry`."""

    call: ChatCall
    entry: Call
    headers: Headers
    send: Send
    fault: Fault = field(default=_NO_FAULT)

    async def run(self, reply: Reply) -> None:
        """Send the answer, or what the fault makes of it."""
        await self._wait()
        if self.fault.status is not None:
            await self._send_status(self.fault.status)
            return
        self.entry.status = 200
        self.entry.finish_reason, self.entry.usage = reply.finish_reason, reply.usage
        try:
            await (self._stream(reply) if self.call.stream else self._send_whole(reply))
        except _CutError:
            self.entry.finish_reason = None

    async def _wait(self) -> None:
        if self.fault.delay_s:
            await asyncio.sleep(self.fault.delay_s)
        if self.fault.hang:
            await asyncio.Event().wait()

    async def _send_status(self, status: int) -> None:
        body = self.fault.body if self.fault.body is not None else envelope(status, f"scripted status {status}")
        self.entry.status = status
        headers = [_JSON, *self.headers, *_encoded(self.fault.headers)]
        await send_whole(self.send, status, headers, body.encode() if isinstance(body, str) else dump(body))

    async def _send_whole(self, reply: Reply) -> None:
        body = _BAD_BODY
        if not self.fault.bad_json:
            body = completion(self.entry.id, int(self.entry.arrived_at), self.call.model, reply)
        headers = [_JSON, *self.headers, *_encoded(self.fault.headers)]
        if self.fault.cut_stream_after is None:
            await send_whole(self.send, 200, headers, body)
            return
        await self._start([*headers, (b"content-length", b"%d" % len(body))])
        await self._send_body(body[: len(body) // 2])
        raise _CutError

    async def _stream(self, reply: Reply) -> None:
        await self._start([*_SSE, *self.headers, *_encoded(self.fault.headers)])
        chunks = Chunks(
            self.entry.id, int(self.entry.arrived_at), self.call.model, include_usage=self.call.include_usage
        )
        refused = reply.refusal is not None
        await self._send_body(chunks.first(refused=refused))
        if self.fault.bad_json:
            await self._send_body(BAD_CHUNK)
        await self._send_pieces(
            chunks, reply.refusal if reply.refusal is not None else reply.text or "", refused=refused
        )
        await self._send_body(chunks.last(reply.finish_reason))
        if self.call.include_usage and reply.usage is not None:
            await self._send_body(chunks.usage(reply.usage))
        await self.send({"type": "http.response.body", "body": DONE})

    async def _send_pieces(self, chunks: Chunks, text: str, *, refused: bool) -> None:
        if self.fault is _NO_FAULT:
            for piece in pieces(text):
                await self._send_body(chunks.piece(piece, refused=refused))
            return
        number = 0
        for number, piece in enumerate(pieces(text)):
            await self._before_piece(number)
            await self._send_body(chunks.piece(piece, refused=refused))
        await self._before_piece(number + 1)

    async def _before_piece(self, sent: int) -> None:
        if self.fault.chunk_delay_s:
            await asyncio.sleep(self.fault.chunk_delay_s)
        if self.fault.hang_after is not None and sent >= self.fault.hang_after:
            await asyncio.Event().wait()
        if self.fault.cut_stream_after is not None and sent >= self.fault.cut_stream_after:
            raise _CutError

    async def _start(self, headers: Headers) -> None:
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _send_body(self, body: bytes) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": True})


async def send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, status: int, headers: Headers, body: dict[str, Any]) -> None:
    """Send an error envelope."""
    await send_whole(send, status, [_JSON, *headers], dump(body))


def _encoded(headers: Mapping[str, str]) -> Headers:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
