"""One endpoint of a dialect: read, hold to limits, choose a fault, log, answer.

Raw ASGI, for a benchmark runs through here.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.types import Receive, Scope, Send

from simulators.model_provider.calls import Call, CallLog
from simulators.model_provider.chat import FREE, ChatCall, Kind
from simulators.model_provider.dialect import Asked, Incoming, Words
from simulators.model_provider.errors import INVALID_KEY, ApiError
from simulators.model_provider.exchange import JSON_TYPE, Exchange, dump, send_whole
from simulators.model_provider.fault_book import FaultBook
from simulators.model_provider.faults import Fault
from simulators.model_provider.limits import Headers, Limits, OverLimitError
from simulators.model_provider.pieces import text_of_pieces
from simulators.model_provider.prefix_cache import Cached, PrefixCache
from simulators.model_provider.replies import reply_to
from simulators.model_provider.settings import DEFAULT_MODEL, Settings


class Core:
    """What all dialects of a server share."""

    def __init__(self, settings: Settings, log: CallLog, faults: FaultBook) -> None:
        """Answer by these settings, faults and log."""
        self.settings = settings
        self.log = log
        self.faults = faults
        self.limits = Limits(settings.limit, dict(settings.limits))
        self.cache = PrefixCache()
        self.model_names = settings.models or (DEFAULT_MODEL,)
        self.fixed_text = None if settings.chunks is None else text_of_pieces(settings.chunks)

    def check_key(self, key: str) -> None:
        """Raise ApiError 401 unless the key is let in."""
        if self.settings.api_keys and key not in self.settings.api_keys:
            raise ApiError(401, "incorrect API key provided", code=INVALID_KEY)

    def check_model(self, model: str) -> None:
        """Raise ApiError 404 unless the model exists."""
        if self.settings.models and model not in self.settings.models:
            raise ApiError(404, f"the model {model!r} does not exist", "model", "model_not_found")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint, an ASGI application. `read` raises ApiError for a request that cannot be answered."""

    core: Core
    words: Words
    kind: Kind
    read: Callable[[Incoming, str], Asked]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await _read_body(receive)
        if body is None:
            return
        incoming = Incoming(dict(scope["headers"]), body, scope["path_params"], scope["query_string"].decode("latin-1"))
        key = self.words.key(incoming)
        entry = self.core.log.arrive(self.words.dialect, self.kind, key, incoming.header(b"idempotency-key"))
        try:
            asked = self._read(incoming, key, entry)
            headers = self._admit(asked.call, entry)
        except ApiError as error:
            await self._refuse(error, entry, send)
            return
        await self._serve(_Work(asked, entry, headers, receive, send))

    def _read(self, incoming: Incoming, key: str, entry: Call) -> Asked:
        self.words.check(incoming, key)
        self.core.check_key(key)
        asked = self.read(incoming, key)
        entry.read_as(asked.call)
        if self.kind is not Kind.MODELS:
            self.core.check_model(asked.call.model)
        return asked

    def _admit(self, call: ChatCall, entry: Call) -> Headers:
        """Count the call, and return the headers of its answer."""
        request_id = (self.words.request_id_header, entry.id.encode())
        if self.kind in FREE:
            return [request_id]
        standing = self.core.limits.admit(call.key, call.prompt_tokens, entry.arrived_s)
        return [request_id, *self.words.limits(standing)]

    async def _refuse(self, error: ApiError, entry: Call, send: Send) -> None:
        status, body = self.words.refusal(error, entry.id)
        headers: Headers = [JSON_TYPE, (self.words.request_id_header, entry.id.encode())]
        if isinstance(error, OverLimitError):
            entry.over_limit = True
            headers.extend(self.words.limits(error.standing))
        if error.retry_after_s is not None and self.words.retry_header is not None:
            headers.append((self.words.retry_header, b"%d" % max(-(-error.retry_after_s // 1), 1)))
        entry.status = status
        self.core.log.begin(entry)
        entry.starts()
        try:
            await send_whole(send, status, headers, dump(body))
        finally:
            self.core.log.end(entry)

    async def _serve(self, work: "_Work") -> None:
        call, entry = work.asked.call, work.entry
        fault = self.core.faults.take(call)
        if fault is not None:
            entry.fault = fault.as_json()
        self.core.log.begin(entry)
        over = self._ending(call, entry)
        try:
            await self._answer(work, fault, over)
        finally:
            over()
            self.core.log.end(entry)

    def _ending(self, call: ChatCall, entry: Call) -> Callable[[], None]:
        """Return what makes the call count as over, once: before its last byte, lest the next come too early."""

        def over() -> None:
            if entry.ended_s is None:
                entry.ends()
                if self.kind not in FREE:
                    self.core.limits.leave(call.key)

        return over

    async def _answer(self, work: "_Work", fault: Fault | None, over: Callable[[], None]) -> None:
        call, entry = work.asked.call, work.entry
        cached = self.core.cache.look_up(call.model, call.system) if call.caches else Cached()
        reply = reply_to(call, fault, cached, self.core.fixed_text)
        if self.kind not in FREE:
            # What is answered by an error was counted when it came, and costs nothing after all.
            entry.tokens = reply.usage.total if fault is None or fault.answers else 0
            self.core.limits.spend(call.key, entry.tokens - call.prompt_tokens)
        exchange = Exchange(work.asked, self.words, entry, work.headers, work.send, over)
        if fault is not None:
            exchange.fault = fault
        if call.stream or (fault is not None and fault.waits):
            entry.aborted = not await _while_connected(exchange.run(reply), work.receive)
        else:
            await exchange.run(reply)


class _Work(NamedTuple):
    """A request that is to be answered."""

    asked: Asked
    entry: Call
    headers: Headers
    receive: Receive
    send: Send


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
