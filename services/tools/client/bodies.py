"""Bodies of HTTP answers, cut off while they arrive: what is too large is never held."""

from collections.abc import AsyncIterator

import httpx2

from domain.errors import ToolAnswerInvalid, ToolAnswerTooLarge
from services.tools.client.errors import Failure
from services.tools.client.exchange import Exchange, current

_AROUND = 16
"""How many times the largest answer a stream of events may be altogether."""


class CappedTransport(httpx2.AsyncBaseTransport):
    """A transport whose answers end with an error after so many bytes; event streams are bounded event by event.

    Raises:
        ToolAnswerTooLarge: While a body is read.
        ToolAnswerInvalid: The body is compressed, which was not asked for and hides its size.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, limit: int) -> None:
        self._inner = inner
        self._limit = limit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and bound what comes back."""
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise ToolAnswerInvalid(
                "the server's answer is compressed, which was not asked for", may_have_happened=True
            )
        if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            response.stream = _Awaited(response.stream, current(), _AROUND * self._limit)
        else:
            response.stream = _Capped(response.stream, self._limit)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


class _Within(httpx2.AsyncByteStream):
    """A stream around another."""

    def __init__(self, inner: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> None:
        assert isinstance(inner, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous transport gives no other
        self._inner = inner

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Awaited(_Within):
    """Ends when nobody waits for the answer any more, or it comes with too much around it.

    The SDK would read to a stream's end, and take a broken one up again.
    """

    def __init__(self, inner: httpx2.SyncByteStream | httpx2.AsyncByteStream, exchange: Exchange, limit: int) -> None:
        super().__init__(inner)
        self._exchange = exchange
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0 and self._exchange.deadline is not None:  # what is no answer to a call goes on for ever
                self._exchange.failure = Failure(
                    ToolAnswerTooLarge, "too much comes around the answer", self._exchange.handed
                )
                self._exchange.over = True
            if self._exchange.over:
                raise httpx2.ReadError("nobody waits for the rest of this answer")
            yield chunk


class _Capped(_Within):
    """Ends with an error after so many bytes."""

    def __init__(self, inner: httpx2.SyncByteStream | httpx2.AsyncByteStream, limit: int) -> None:
        super().__init__(inner)
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise ToolAnswerTooLarge(f"the answer is over {self._limit:,} bytes", may_have_happened=True)
            yield chunk
