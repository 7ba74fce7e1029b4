"""The door of both products: who may come in, what goes wrong on purpose, and the record of every call."""

import asyncio
import json
from typing import Any
from urllib.parse import unquote_plus

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulators.atlassian.connections import Connections
from simulators.atlassian.errors import answer
from simulators.atlassian.faults import Fault, FaultBook
from simulators.atlassian.records import Entry, Records
from simulators.atlassian.settings import Settings

_FREE = ("/__sim/", "/healthz")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_NO_FAULT = Fault()
_BAD_BODY = '{"issues": [not json'
_MESSAGES = {401: "Client must be authenticated to access this resource.", 429: "Rate limit exceeded."}


class Gate:
    """Lets calls through to the products."""

    def __init__(
        self, inner: ASGIApp, settings: Settings, records: Records, faults: FaultBook, connections: Connections
    ) -> None:
        self._inner = inner
        self._settings = settings
        self._records = records
        self._faults = faults
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one call."""
        if scope["type"] != "http" or scope["path"].startswith(_FREE):
            await self._inner(scope, receive, send)
            return
        query = unquote_plus(scope["query_string"].decode("latin-1"))
        entry = self._records.call(scope["method"], scope["path"], query)
        body = await _read(receive)
        fault = self._faults.take(scope["method"], scope["path"], f"{body.decode(errors='replace')}\n{query}")
        if fault is not None:
            entry["fault"] = fault.model_dump(mode="json", exclude_unset=True)
        await self._answer(_Call(scope, body, receive, send, entry), fault or _NO_FAULT)

    async def _answer(self, call: "_Call", fault: Fault) -> None:
        await asyncio.sleep(fault.delay_s)
        refusal = self._refusal(call.scope)
        if refusal is not None:
            await call.reply(refusal)
            return
        if fault.works:
            await call.run(self._inner, heard=not fault.answers_wrong)
        if fault.answers_wrong:
            await self._answer_wrong(call, fault)

    async def _answer_wrong(self, call: "_Call", fault: Fault) -> None:
        if fault.drop or fault.lost_answer:
            self._connections.close(call.scope)
            await call.client_gone()
        elif fault.hang:
            await call.client_gone()
        elif fault.status is not None:
            await call.reply(_scripted(fault, fault.status, confluence=call.is_confluence))
        else:
            await call.reply(Response(_BAD_BODY, media_type="application/json"))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a caller is not let in."""
        scheme, _, token = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").partition(" ")
        known = self._settings.tokens | self._settings.read_only_tokens
        confluence = _is_confluence(scope["path"])
        if scheme.lower() != "bearer" or not token or (known and token not in known):
            return answer(_UNAUTHORIZED, _MESSAGES[_UNAUTHORIZED], confluence=confluence)
        if scope["method"] not in _READS and token in self._settings.read_only_tokens:
            return answer(_FORBIDDEN, "You do not have permission to change this.", confluence=confluence)
        return None


class _Call:
    """One call with its whole body read."""

    def __init__(self, scope: Scope, body: bytes, receive: Receive, send: Send, entry: Entry) -> None:
        self.scope = scope
        self._body = body
        self._receive = receive
        self._send = send
        self._entry = entry

    @property
    def is_confluence(self) -> bool:
        """Whether the call is for Confluence."""
        return _is_confluence(self.scope["path"])

    async def run(self, app: ASGIApp, *, heard: bool) -> None:
        """Let the product do what was asked; if not `heard`, its answer goes nowhere."""
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                return await self._receive()
            given = True
            return {"type": "http.request", "body": self._body, "more_body": False}

        await app(self.scope, receive, self._noting if heard else _nowhere)

    async def reply(self, response: Response) -> None:
        """Send another answer than the product's."""
        await response(self.scope, self._receive, self._noting)

    async def client_gone(self) -> None:
        """Wait until the connection is closed."""
        while (await self._receive())["type"] != "http.disconnect":
            continue

    async def _noting(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._entry["status"] = message["status"]
        await self._send(message)


async def _nowhere(_message: Message) -> None:
    return None


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _is_confluence(path: str) -> bool:
    return path.startswith("/wiki/") or not path.startswith("/rest/api/2/")


def _scripted(fault: Fault, status: int, *, confluence: bool) -> Response:
    if fault.body is None:
        response = answer(status, _MESSAGES.get(status, f"scripted status {status}"), confluence=confluence)
    elif isinstance(fault.body, str):
        response = Response(fault.body, status, media_type="text/plain")
    else:
        body: Any = fault.body
        response = JSONResponse(json.loads(json.dumps(body)), status)
    response.headers.update(fault.headers)
    return response
