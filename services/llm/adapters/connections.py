"""The connections of a process to all model providers: no redirects, no retries, no cookies, no proxies of its own."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Self, cast

import httpx

from domain.content import RESULT_LIMIT
from domain.errors import ModelAnswerInvalid, ModelAnswerTooLarge, ModelRejected
from services.llm.adapters import refusals
from services.llm.adapters.judged_transport import JudgedTransport
from services.llm.adapters.sending import Sending
from services.llm.adapters.unpacking import unpacked
from services.llm.chat import Target
from services.net.guard import AddressRefused

ANSWER_LIMIT = 128 * RESULT_LIMIT
"""Bytes that one answer may have with all of its protocol, unpacked: a token of 4 bytes comes in 300 of JSON."""

_LAST_PORT = 65_535
_KEPT = 200
"""Connections that are kept open while nobody uses them."""


class Answer:
    """An HTTP answer whose body is still to be read. It must be closed."""

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self._response = response
        self._limit = limit
        self.status = response.status_code

    @cached_property
    def told(self) -> Mapping[str, str]:
        """The headers, lower-case; cookies are nobody's business."""
        return {name: value for name, value in self._response.headers.items() if name != "set-cookie"}

    @cached_property
    def form(self) -> str:
        """The media type, lower-case and without parameters."""
        said: str = self._response.headers.get("content-type", "")
        return said.partition(";")[0].strip().lower()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes.

        Raises:
            ModelAnswerTooLarge: It has more bytes than any answer may have.
            ModelAnswerInvalid: It is in no encoding that we know.
        """
        size = 0
        async for part in self._unpacked():
            size += len(part)
            if size > self._limit:
                raise ModelAnswerTooLarge(f"the model provider's answer has more than {self._limit} bytes")
            yield part

    async def body(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            ModelAnswerTooLarge: It has more than `limit` bytes.
        """
        parts: list[bytes] = []
        size = 0
        async for part in self.pieces():
            size += len(part)
            if size > limit:
                raise ModelAnswerTooLarge(f"the model provider's answer has more than {limit} bytes")
            parts.append(part)
        return b"".join(parts)

    async def beginning(self, limit: int) -> bytes:
        """Return the first `limit` bytes of the body, fewer where it breaks off."""
        body = b""
        try:
            async for part in self._unpacked():
                body += part
                if len(body) >= limit:
                    break
        except (httpx.HTTPError, httpx.StreamError, ModelAnswerInvalid):
            return body  # the status says enough
        return body[:limit]

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        await self._response.aclose()

    def _unpacked(self) -> AsyncIterator[bytes]:
        data = cast("AsyncIterable[bytes]", self._response.stream)
        encoding = self._response.headers.get("content-encoding", "identity").strip().lower()
        return aiter(data) if encoding in ("", "identity") else unpacked(data, encoding)


class Connections:
    """The connections of a process; `answer_limit` as `ANSWER_LIMIT`.

    Targets that may lie in private networks have a pool of their own, so that no other rides on what only they may use.
    `max_connections` bounds either of the two.
    """

    def __init__(self, max_connections: int = 1000, answer_limit: int = ANSWER_LIMIT) -> None:
        """Make the pools; they connect to nothing yet."""
        kept = min(max_connections, _KEPT)
        limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=kept)
        context = httpx.create_ssl_context(trust_env=False)
        self._public = JudgedTransport(context, limits, allow_private=False)
        self._private = JudgedTransport(context, limits, allow_private=True)
        self._answer_limit = answer_limit

    async def __aenter__(self) -> Self:
        """Use the pools for the length of a block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._public.aclose()
        await self._private.aclose()

    async def send(self, target: Target, sending: Sending) -> Answer:
        """Send a request and return its answer, whatever its status, as soon as its headers are there.

        By the transport itself: a client's cookies, redirects, authentication and hooks are not for us.

        Raises:
            ModelUnavailable: The way to the server failed.
            ModelRejected: What is to be sent is no HTTP, or the server's host leads where the target may not.
        """
        transport = self._private if target.allow_private else self._public
        with translated():
            request = httpx.Request(
                "GET" if sending.content is None else "POST",
                _url(sending.url),
                headers=sending.headers,
                content=sending.content,
                extensions={"timeout": _times(target)},
            )
            return Answer(await transport.handle_async_request(request), self._answer_limit)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the HTTP library raises into the domain's errors."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise refusals.from_exception(error) from None
    except AddressRefused as error:
        raise ModelRejected(f"the model provider's address is refused: {error}") from None


def _times(target: Target) -> dict[str, float]:
    """Return the bounds in seconds, in the HTTP library's names."""
    silence_s = target.silence_s
    return {"connect": target.connect_s, "read": silence_s, "write": silence_s, "pool": silence_s}


@lru_cache(maxsize=1024)
def _url(url: str) -> httpx.URL:
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host or (parsed.port or 0) > _LAST_PORT:
        raise httpx.UnsupportedProtocol("no address of a server")
    return parsed
