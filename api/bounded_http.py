"""HTTP/1.1 with bounds on what uvicorn leaves open: the bytes and number of headers, and the time they may take.

A connection whose request does not come to the end of its headers is closed, be it silent, dripping or endless; so is
one whose client does not read its answer.
"""

import asyncio
import logging
import secrets
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.problems import MEDIA_TYPE, ApiProblem, document_of

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of the request line and all headers."""
MAX_HEADERS: Final = 100
HEAD_WITHIN_S: Final = 10.0
READ_WITHIN_S: Final = 60.0
"""How long a client may not read an answer, of which the network's buffers and ours are full."""

_TOO_LARGE: Final = ApiProblem(
    431, "headers_too_large", f"a request has at most {MAX_HEADERS} headers, and {MAX_HEAD_BYTES} bytes before its body"
)
_TOO_SLOW: Final = ApiProblem(408, "headers_too_slow", f"the headers of a request come within {HEAD_WITHIN_S:g} s")
_BROKEN: Final = ApiProblem(400, "malformed_http", "this is not HTTP/1.1")

_log = logging.getLogger("longhaul.access")


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _head_bytes = 0
    _in_head = True
    _head_ended = False
    _refused: ApiProblem | None = None
    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._is_read()
        self._unread = self.loop.call_later(READ_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing: the client reads."""
        self._is_read()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is more than a request's head may be."""
        if self.transport.is_closing():
            return
        goes_on = self._in_head
        self._head_ended = False
        super().data_received(data)
        if not self._in_head:
            return
        if goes_on and not self._head_ended:
            self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif not self._is_answering():
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Serve the request, if its head is within bounds."""
        self._in_head = False
        self._head_ended = True
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.headers) > MAX_HEADERS or size > MAX_HEAD_BYTES:
            self._refused = _TOO_LARGE
            raise ValueError("the head is too large")  # ends the parser, which calls `send_400_response`
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next request, once this one is answered."""
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's own words
        """Answer what cannot be read, and close."""
        self._refuse(self._refused or _BROKEN)

    def _is_answering(self) -> bool:
        """Whether a request is being served. uvicorn types a connection's first one as if it were there already."""
        cycle: RequestResponseCycle | None = getattr(self, "cycle", None)
        return cycle is not None and not cycle.response_complete

    def _wait_for_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_WITHIN_S, self._refuse, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _refuse(self, problem: ApiProblem) -> None:
        """Say why, where something was asked and no answer has begun, and close."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if not (self._is_answering() and self.cycle.response_started) and (
            self._head_bytes or problem is not _TOO_SLOW
        ):
            self.transport.write(_response(problem))
        self.transport.close()


def _response(problem: ApiProblem) -> bytes:
    """Return a whole answer as it goes over the wire."""
    request_id = secrets.token_hex(8)
    _log.warning("refused", extra={"fields": {"status": problem.status_code, "code": problem.code, "id": request_id}})
    body = document_of(problem, request_id).model_dump_json(exclude_none=True).encode()
    head = (
        f"HTTP/1.1 {problem.status_code} {HTTPStatus(problem.status_code).phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
