"""The adapter for every server that speaks the OpenAI chat API: one client a process, no redirects, no retries."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Self

import httpx

from services.llm import errors, openai_dialect
from services.llm.chat import ChatChunk, ChatRequest
from services.llm.openai_dialect import Dialect
from services.llm.openai_stream import read_answer

_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_DIALECTS_REMEMBERED = 256


@dataclass(frozen=True)
class Provider:
    """How to reach a server. `base_url` ends in `/v1` or the like; times in seconds.

    Attributes:
        simulated: The server is a stand-in, and its answers are to be labelled so.
        silence_s: Bound on the wait for the next byte; reasoning models think for minutes before the first.
    """

    base_url: str
    api_key: str | None = None
    simulated: bool = False
    connect_s: float = 5.0
    silence_s: float = 300.0
    max_connections: int = 200


class OpenAIChat:
    """Streams chat completions. What a model's server refuses to take is left out from then on, in this process."""

    def __init__(self, provider: Provider) -> None:
        """Make a client; it connects to nothing yet."""
        self._provider = provider
        self._dialects: dict[str, Dialect] = {}
        self._url = f"{provider.base_url.rstrip('/')}/chat/completions"
        limits = httpx.Limits(
            max_connections=provider.max_connections, max_keepalive_connections=provider.max_connections
        )
        self._headers = httpx.Headers(_headers(provider)).raw
        timeout = httpx.Timeout(provider.silence_s, connect=provider.connect_s, pool=provider.silence_s)
        self._extensions = {"timeout": timeout.as_dict()}
        self._transport = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    @property
    def simulated(self) -> bool:
        """Whether the provider is a stand-in."""
        return self._provider.simulated

    async def __aenter__(self) -> Self:
        """Use the client for the length of a block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield the answer in chunks.

        Raises:
            ModelError: One of its kinds, see `errors`.
        """
        with _translated():
            response = await self._open(request)
            try:
                async for chunk in read_answer(response):
                    yield chunk
            finally:
                await response.aclose()

    async def _open(self, request: ChatRequest) -> httpx.Response:
        """Send the request, in a milder dialect as long as the server asks for one."""
        dialect = self._dialects.get(request.model, Dialect())
        while True:
            response = await self._send(request, dialect)
            if response.status_code == HTTPStatus.OK:
                return response
            body = await _error_body(response)
            milder = openai_dialect.milder(dialect, request, body) if response.status_code in _REFUSED else None
            if milder is None:
                answer = errors.HttpAnswer(response.status_code, response.headers, body)
                raise errors.from_answer(answer, datetime.now(UTC))
            dialect = milder
            self._remember(request.model, dialect)

    async def _send(self, request: ChatRequest, dialect: Dialect) -> httpx.Response:
        """Send by the transport itself: a client's cookies, redirects, authentication and hooks are not for us."""
        content = openai_dialect.body(request, dialect)
        headers = list(self._headers)
        if request.idempotency_key:
            headers.append((b"idempotency-key", request.idempotency_key.encode()))
        return await self._transport.handle_async_request(
            httpx.Request("POST", self._target, headers=headers, content=content, extensions=self._extensions)
        )

    @cached_property
    def _target(self) -> httpx.URL:
        return httpx.URL(self._url)

    def _remember(self, model: str, dialect: Dialect) -> None:
        self._dialects[model] = dialect
        while len(self._dialects) > _DIALECTS_REMEMBERED:
            del self._dialects[next(iter(self._dialects))]


def _headers(provider: Provider) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "accept-encoding": "identity",
        "user-agent": f"python-httpx/{httpx.__version__}",
    }
    if provider.api_key:
        headers["authorization"] = f"Bearer {provider.api_key}"
    return headers


async def _error_body(response: httpx.Response) -> bytes:
    """Return the first `BODY_LIMIT` bytes of a refusal."""
    body = b""
    try:
        async for part in response.aiter_bytes():
            body += part
            if len(body) >= errors.BODY_LIMIT:
                break
    except httpx.HTTPError:
        return body  # the status says enough
    finally:
        await response.aclose()
    return body[: errors.BODY_LIMIT]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise errors.from_exception(error) from None
