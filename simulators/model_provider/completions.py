"""`POST /v1/chat/completions`: read, choose a fault, log, answer. Raw ASGI, for a benchmark runs through here."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive, Scope, Send

from simulators.model_provider.calls import Call, CallLog
from simulators.model_provider.chat import ChatCall, read_call
from simulators.model_provider.errors import ApiError
from simulators.model_provider.exchange import Exchange, send_error
from simulators.model_provider.faults import Fault, FaultBook
from simulators.model_provider.limits import Headers, RateLimits
from simulators.model_provider.prefix_cache import PrefixCache
from simulators.model_provider.replies import reply_to
from simulators.model_provider.settings import Settings


class ChatCompletions:
    """The endpoint."""

    def __init__(self, settings: Settings, log: CallLog, faults: FaultBook) -> None:
        """Answer by these settings, faults and log."""
        self._settings = settings
        self._log = log
        self._faults = faults
        self._limits = RateLimits(settings.requests_per_minute)
        self._cache = PrefixCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        key = bearer_token(headers)
        out = self._limits.count(key)
        idempotency_key = _text(headers, b"idempotency-key")
        body = await _read_body(receive)
        if body is None:
            return
        try:
            call = self._admit(key, body, idempotency_key)
        except ApiError as error:
            await self._refuse(error, idempotency_key, out, send)
            return
        fault = self._faults.take(call)
        entry = self._log.begin(call, idempotency_key, fault.as_json() if fault else None)
        try:
            await self._answer(call, fault, entry, out, receive, send)
        finally:
            self._log.end(entry)

    def _admit(self, key: str, body: bytes, idempotency_key: str | None) -> ChatCall:
        check_key(self._settings, key)
        self._limits.refuse(key)
        call = read_call(body, idempotency_key)
        if self._settings.models and call.model not in self._settings.models:
            raise ApiError(404, f"the model {call.model!r} does not exist", "model", "model_not_found")
        return call

    async def _refuse(self, error: ApiError, idempotency_key: str | None, out: Headers, send: Send) -> None:
        entry = self._log.begin(None, idempotency_key, None)
        entry.status = error.status
        try:
            await send_error(send, error.status, [_request_id(entry), *out], error.envelope())
        finally:
            self._log.end(entry)

    async def _answer(
        self, call: ChatCall, fault: Fault | None, entry: Call, out: Headers, receive: Receive, send: Send
    ) -> None:
        reply = reply_to(call, fault, self._cache.cached_tokens(call.model, call.system))
        exchange = Exchange(call, entry, [_request_id(entry), *out], send)
        if fault is not None:
            exchange.fault = fault
        if call.stream or (fault is not None and fault.waits):
            entry.aborted = not await _while_connected(exchange.run(reply), receive)
        else:
            await exchange.run(reply)


def bearer_token(headers: dict[bytes, bytes]) -> str:
    """Return the token of the Authorization header, empty when there is none."""
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_key(settings: Settings, key: str) -> None:
    """Raise ApiError 401 unless the token is let in."""
    if settings.api_keys and key not in settings.api_keys:
        raise ApiError(401, "incorrect API key provided")


def _request_id(entry: Call) -> tuple[bytes, bytes]:
    return b"x-request-id", entry.id.encode()


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


async def _read_body(receive: Receive) -> bytes | None:
    """Return the request's body, None when the client went away."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _while_connected(work: Coroutine[Any, Any, None], receive: Receive) -> bool:
    """Run `work` until it is done, or until the client goes away; return whether it was done."""
    worker = asyncio.create_task(work)
    watcher = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait((worker, watcher), return_when=asyncio.FIRST_COMPLETED)
    finally:
        watcher.cancel()
        worker.cancel()
        await asyncio.gather(worker, watcher, return_exceptions=True)
    if worker.cancelled():
        return False
    worker.result()
    return True


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
