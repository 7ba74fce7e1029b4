"""Sending one answer over ASGI, with the waits, cuts and garbage that a scripted fault wants.

A dropped connection is an answer left incomplete: the server then closes the socket.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import Send

from simulators.model_provider.calls import Call
from simulators.model_provider.dialect import Asked, Stamp, Streamed, Words
from simulators.model_provider.errors import ApiError
from simulators.model_provider.faults import Fault
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.limits import Headers
from simulators.model_provider.raw_answer import send_raw
from simulators.model_provider.replies import Reply
from simulators.model_provider.usage import in_openai_words, tell

JSON_TYPE = (b"content-type", b"application/json")
_NO_CACHE = (b"cache-control", b"no-cache")
_BAD_BODY = b'{"id": "sim, not json'
_NO_FAULT = Fault()
_OK = 200


class _CutError(Exception):
    """The rest of the answer is not sent."""


@dataclass(slots=True)
class Exchange:
    """One answer on its way. What was sent is noted in `entry`; `over` is called just before the last byte."""

    asked: Asked
    words: Words
    entry: Call
    headers: Headers
    send: Send
    over: Callable[[], None]
    fault: Fault = _NO_FAULT

    async def run(self, reply: Reply) -> None:
        """Send the answer, or what the fault makes of it."""
        fault = self.fault
        if fault is not _NO_FAULT:
            await self._wait()
        if fault.raw is not None:
            self.entry.status = fault.raw.status
            self.entry.starts()
            await send_raw(self.send, fault.raw, self.over)
        elif fault.status is not None:
            await self._send_status(fault.status)
        else:
            await self._answer(reply)

    async def _wait(self) -> None:
        if self.fault.delay_s:
            await asyncio.sleep(self.fault.delay_s)
        if self.fault.hang:
            await asyncio.Event().wait()

    async def _answer(self, reply: Reply) -> None:
        self.entry.status, self.entry.finish_reason = _OK, reply.finish
        self.entry.usage = tell("usage", reply.usage, reply.spoilt, in_openai_words).get("usage")
        stamp = Stamp(self.entry.id, int(self.entry.arrived_at))
        try:
            if self.asked.call.stream and self.asked.streamed is not None:
                await self._stream(self.asked.streamed(reply, stamp))
            else:
                await self._send_whole(reply, stamp)
        except _CutError:
            self.entry.finish_reason = None

    async def _send_status(self, status: int) -> None:
        usual, envelope = self._envelope(status)
        body = envelope if self.fault.body is None else self.fault.body
        self.entry.status = usual if self.fault.body is None else status
        content = body.encode() if isinstance(body, str) else dump(body)
        await self._send_all(self.entry.status, self._headers(JSON_TYPE), content)

    def _envelope(self, status: int) -> tuple[int, JsonObject]:
        told = {name.lower(): value for name, value in self.fault.headers.items()}.get("retry-after", "")
        retry_after_s = float(told) if told.isdecimal() else None
        error = ApiError(status, f"scripted status {status}", retry_after_s=retry_after_s)
        return self.words.refusal(error, self.entry.id)

    async def _send_whole(self, reply: Reply, stamp: Stamp) -> None:
        body = _BAD_BODY
        if self.fault.stream_error is not None:
            body = dump(self._envelope(self.fault.stream_error.status)[1])
        elif not self.fault.bad_json:
            body = self.asked.whole(reply, stamp)
        headers = self._headers(JSON_TYPE)
        if self.fault.cut_stream_after is None and not self.fault.slow_first_token_s:
            await self._send_all(_OK, headers, body)
            return
        await self._start([*headers, (b"content-length", b"%d" % len(body))])
        if self.fault.slow_first_token_s:
            await asyncio.sleep(self.fault.slow_first_token_s)
        if self.fault.cut_stream_after is not None:
            await self._send_body(body[: len(body) // 2])
            raise _CutError
        self.over()
        await self.send({"type": "http.response.body", "body": body})

    async def _stream(self, streamed: Streamed) -> None:
        content_type = (b"content-type", streamed.form.content_type)
        await self._start(self._headers(content_type, _NO_CACHE))
        if self.fault.slow_first_token_s:
            await asyncio.sleep(self.fault.slow_first_token_s)
        if streamed.opening:
            await self._send_body(streamed.opening)
        if self.fault.bad_json:
            await self._send_body(streamed.form.bad)
        await self._send_pieces(streamed)
        *events, last = streamed.closing
        for event in events:
            await self._send_body(event)
        self.over()
        await self.send({"type": "http.response.body", "body": last})

    async def _send_pieces(self, streamed: Streamed) -> None:
        if self.fault is _NO_FAULT:
            send = self.send
            for piece in streamed.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            return
        sent = 0
        for piece in streamed.pieces:
            await self._before_piece(sent, streamed)
            await self._send_body(piece)
            sent += 1
        await self._before_piece(max(sent, 1), streamed)

    async def _before_piece(self, sent: int, streamed: Streamed) -> None:
        fault = self.fault
        if fault.chunk_delay_s:
            await asyncio.sleep(fault.chunk_delay_s)
        if fault.hang_after is not None and sent >= fault.hang_after:
            await asyncio.Event().wait()
        if fault.stream_error is not None and sent >= fault.stream_error.after:
            self.over()
            event = streamed.form.error(self._envelope(fault.stream_error.status)[1])
            await self.send({"type": "http.response.body", "body": event})
            raise _CutError
        if fault.cut_stream_after is not None and sent >= fault.cut_stream_after:
            raise _CutError

    def _headers(self, *own: tuple[bytes, bytes]) -> Headers:
        return merged([*own, *self.headers], self.fault.headers) if self.fault.headers else [*own, *self.headers]

    async def _start(self, headers: Headers) -> None:
        self.entry.starts()
        await self.send({"type": "http.response.start", "status": _OK, "headers": headers})

    async def _send_body(self, body: bytes) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": True})

    async def _send_all(self, status: int, headers: Headers, body: bytes) -> None:
        self.entry.starts()
        self.over()
        await send_whole(self.send, status, headers, body)


def dump(data: Json) -> bytes:
    """Return compact JSON."""
    return json.dumps(data, separators=(",", ":")).encode()


async def send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def merged(headers: Headers, others: Mapping[str, str]) -> Headers:
    """Return headers with others in place of those of the same name."""
    added = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in others.items()]
    names = {name for name, _ in added}
    return [header for header in headers if header[0] not in names] + added
