"""Answering a client: with the whole answer, or with a stream of events as it comes.

A stream has no status line before the first news, so that an error keeps its status; after 15 s without any it is 200,
and an error is an event. A client that goes away leaves the call, which is then cancelled if nobody may come back.
"""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.gateway.following import End, Following, Piece
from api.gateway.presence import while_connected
from api.gateway.problems import failure_of, of_error
from api.request_log import note
from domain.call_errors import OURS
from domain.errors import LonghaulError
from domain.gateway import CallError

KEEP_ALIVE: Final = b": keep-alive\n\n"
_STREAM_HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}
BROKEN_OFF: Final = CallError(
    status=502,
    type=OURS,
    code="answer_broken_off",
    message="the answer broke off and was begun anew; ask with longhaul.resets to be told it again",
)


class BegunAnew(Exception):
    """The answer begins anew after a failure, and the client has not said that it understands that."""


class Words(Protocol):
    """How an API tells an answer as events."""

    def piece(self, piece: Piece) -> bytes:
        """Return the events of some chunks. Raises BegunAnew when the client cannot be told them."""
        ...

    def end(self, end: End) -> bytes:
        """Return the last events of an answer that is whole."""
        ...

    def failure(self, error: CallError) -> bytes:
        """Return the last event of an answer that failed."""
        ...


class Door(Protocol):
    """How an API tells a call beside its events."""

    def headers(self) -> Mapping[str, str]:
        """Return the headers of a call as far as it has come."""
        ...

    def refuse(self, error: CallError) -> Response:
        """Return the response that tells an error."""
        ...


class WholeAnswer(Response):
    """The answer in one piece."""

    def __init__(self, following: Following, door: Door, tell: Callable[[End], bytes]) -> None:
        """Take over the call; `tell` makes the JSON of an answer."""
        super().__init__()
        self._following = following
        self._door = door
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for the answer and send it."""
        note(scope, self._following)
        async with while_connected(receive), self._following as following:
            try:
                response = self._respond(await following.end())
            except LonghaulError as error:
                response = self._door.refuse(of_error(error).error)
            await response(scope, receive, send)

    def _respond(self, end: End) -> Response:
        if end.outcome.phase != "done":
            return self._door.refuse(failure_of(end.outcome))
        return Response(self._tell(end), 200, dict(self._door.headers()), "application/json")


class EventAnswer(Response):
    """The answer as Server-Sent Events."""

    def __init__(self, following: Following, door: Door, words: Words) -> None:
        """Take over the call."""
        super().__init__()
        self._following = following
        self._door = door
        self._words = words
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, or until the client goes away."""
        note(scope, self._following)
        refused: CallError | None = None
        async with while_connected(receive):
            async with self._following as following:
                try:
                    refused = await self._stream(following, send)
                except LonghaulError as error:
                    refused = of_error(error).error
            if refused is not None:
                await self._refuse(refused, scope, receive, send)

    async def _stream(self, following: Following, send: Send) -> CallError | None:
        """Send the answer; return why there is none, or no more of it."""
        async with aclosing(following.news()) as news:
            async for each in news:
                if isinstance(each, End) and each.outcome.phase != "done":
                    return failure_of(each.outcome)
                try:
                    written = self._written(each)
                except BegunAnew:
                    return BROKEN_OFF
                await self._send(written, send, last=isinstance(each, End))
        return None

    def _written(self, news: Piece | End | None) -> bytes:
        if news is None:
            return KEEP_ALIVE
        return self._words.end(news) if isinstance(news, End) else self._words.piece(news)

    async def _send(self, body: bytes, send: Send, *, last: bool) -> None:
        if not self._begun:
            self._begun = True
            told = {**_STREAM_HEADERS, **self._door.headers()}
            raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in told.items()]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
        message: Message = {"type": "http.response.body", "body": body, "more_body": not last}
        await send(message)

    async def _refuse(self, error: CallError, scope: Scope, receive: Receive, send: Send) -> None:
        if self._begun:
            await self._send(self._words.failure(error), send, last=True)
        else:
            await self._door.refuse(error)(scope, receive, send)
