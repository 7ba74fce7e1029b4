"""Streamable HTTP: a client that goes only to checked addresses, reads only so much, and says what became of a request.

The SDK's transport ends with the first request that fails on the network, and takes all the others with it; it also
loses the status of a refusal. So nothing is raised here: a failure is noted in the request's exchange, and the SDK gets
a JSON-RPC error in the server's place.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from http import HTTPStatus
from typing import Any, cast

import httpx2
from mcp.client.auth import OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import INTERNAL_ERROR

from domain.errors import LonghaulError
from domain.tool_server import BearerToken, Http, Limits
from services.net.guard import guarded_transport
from services.tools.client import replies
from services.tools.client.bodies import CappedTransport
from services.tools.client.errors import from_exception
from services.tools.client.exchange import Exchange, current
from services.tools.client.streams import Streams

ENVELOPE_BYTES = 64 * 1024
"""What the protocol may add to an answer of the largest size."""

_CONNECT_S = 10.0
_SILENCE_S = 3600.0
"""Backstop of a stream without events; a call's own time ends it earlier."""
_ASIDE_S = 5.0
"""For what nobody waits for: notifications, and the end of a session."""
_KEPT_S = 3.0
"""Idle connections are given up before servers do (commonly after 5 s), lest a request meets a closing one."""
_REDIRECTS = 3
_FETCHES = 20
"""How often a stream of one answer may break off and be taken up again."""
_FETCH_PAUSE_S = 0.5
_SESSION = "mcp-session-id"


@asynccontextmanager
async def http_streams(reach: Http, limits: Limits, auth: httpx2.Auth | None) -> AsyncGenerator[Streams]:
    """Connect to a server for the length of a block."""
    limit = limits.max_result_bytes + ENVELOPE_BYTES
    async with (
        _Client(reach, limits, auth) as client,
        streamable_http_client(_address(reach), http_client=client, max_sse_event_size=limit) as streams,
    ):
        yield streams


class _Client(httpx2.AsyncClient):
    """The HTTP client of one connection."""

    def __init__(self, reach: Http, limits: Limits, auth: httpx2.Auth | None) -> None:
        pool = limits.max_concurrency + 8
        guarded = guarded_transport(
            allow_private=reach.allow_private,
            verify=_trusted(),
            limits=httpx2.Limits(max_connections=pool, max_keepalive_connections=pool, keepalive_expiry=_KEPT_S),
        )
        connect = min(_CONNECT_S, limits.connect_timeout_s)
        super().__init__(
            transport=CappedTransport(guarded, limits.max_result_bytes + ENVELOPE_BYTES),
            auth=auth,
            headers=_headers(reach),
            timeout=httpx2.Timeout(_SILENCE_S, connect=connect, pool=connect, write=60.0),
            trust_env=False,
            follow_redirects=False,
            max_redirects=_REDIRECTS,
        )

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send, and note what becomes of it."""
        if request.method == "DELETE":
            request.extensions = {**request.extensions, "timeout": httpx2.Timeout(_ASIDE_S).as_dict()}
        if request.method == "GET":
            await _fetching(current())
        if request.method != "POST":
            return await super().send(request, stream=stream, **options)
        request_id = _awaited(await request.aread())
        if request_id is None:
            return await self._aside(request, options)
        exchange = current()
        exchange.failure, exchange.session_lost = None, False
        request.extensions = {**request.extensions, "trace": exchange.trace, "timeout": self._patience(exchange)}
        try:
            response = await super().send(request, stream=True, **options)
            return await _judged(request_id, response, exchange)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, LonghaulError, OAuthFlowError) as error:
            exchange.failure = from_exception(error, handed=exchange.handed)
            exchange.broken = isinstance(error, httpx2.TransportError)
            return _in_its_place(request)

    def _patience(self, exchange: Exchange) -> dict[str, float | None]:
        """Return the time-outs of a request: nothing is read long after the caller has left."""
        limits = self.timeout.as_dict()
        if exchange.deadline is not None:
            left = exchange.deadline - asyncio.get_running_loop().time()
            limits["read"] = min(_SILENCE_S, max(left, 0) + _ASIDE_S)
        return limits

    async def _aside(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        """Send what has no answer; the SDK sends nothing else meanwhile, so it may not take long, nor fail."""
        try:
            async with asyncio.timeout(_ASIDE_S):
                await super().send(request, **options)
        except (httpx2.HTTPError, httpx2.StreamError, LonghaulError, OAuthFlowError, TimeoutError):
            pass  # the next request will tell
        return httpx2.Response(HTTPStatus.ACCEPTED, request=request)


async def _fetching(exchange: Exchange) -> None:
    """Let the SDK ask for more of an answer, or of the server's news, so often and while somebody waits.

    Raises:
        httpx2.ReadError: No more; the SDK gives up after a few.
    """
    if exchange.over or (exchange.deadline is not None and exchange.fetches >= _FETCHES):
        raise httpx2.ReadError("nobody waits for the rest of this answer")
    if exchange.fetches:
        await asyncio.sleep(_FETCH_PAUSE_S)  # the server says how long to wait, and may say nothing
    exchange.fetches += 1


async def _judged(request_id: object, response: httpx2.Response, exchange: Exchange) -> httpx2.Response:
    """Return the reply, or an error in its place, with the reason noted."""
    status, kind = response.status_code, response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.next_request is not None:
        exchange.failure = replies.refusal(status, None)  # unless the SDK follows it, which is another exchange
        return response
    body = replies.repaired(await response.aread()) if kind == "application/json" else None
    exchange.session_lost = _SESSION in response.request.headers and (
        status == HTTPStatus.NOT_FOUND or (status == HTTPStatus.BAD_REQUEST and replies.names_session(body))
    )
    exchange.failure = replies.refusal(status, response.headers.get("retry-after")) or replies.broken(
        status, kind, body, request_id
    )
    if exchange.failure is not None:
        await response.aclose()
        return _in_its_place(response.request)
    return response if body is None else _with_body(response, body)


def _with_body(response: httpx2.Response, body: bytes) -> httpx2.Response:
    headers = {name: value for name, value in response.headers.items() if name in ("content-type", _SESSION)}
    return httpx2.Response(response.status_code, headers=headers, content=body, request=response.request)


def _in_its_place(request: httpx2.Request) -> httpx2.Response:
    """Return a JSON-RPC error, which concerns this request only."""
    error = {"code": INTERNAL_ERROR, "message": "no usable answer"}
    message = {"jsonrpc": "2.0", "id": None, "error": error}
    return httpx2.Response(HTTPStatus.BAD_REQUEST, json=message, request=request)


def _awaited(content: bytes) -> object | None:
    """Return the id of a request that an answer is waited for; None for a notification or an answer of ours."""
    message = cast("dict[str, Any]", json.loads(content))
    return message.get("id") if "method" in message else None


def _address(reach: Http) -> str:
    """Return the address; a user and password in it would be sent in place of a token."""
    url = httpx2.URL(reach.url)
    return str(url.copy_with(userinfo=b"") if reach.auth is not None else url)


def _headers(reach: Http) -> dict[str, str]:
    """Return the headers of every request. Compressed answers cannot be bounded while they are read."""
    headers = {**reach.headers, "accept-encoding": "identity"}
    if isinstance(reach.auth, BearerToken):
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["authorization"] = f"Bearer {reach.auth.token}"
    return headers


@cache
def _trusted() -> ssl.SSLContext:
    """Return the certificates we trust, read once."""
    return httpx2.create_ssl_context()
