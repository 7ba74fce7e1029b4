"""`/v1/chat/ws`: several chats at once over one socket, their answers in the same chunks as over HTTP.

Open calls have a bound, and an answer whose client does not read waits. Who leaves the socket leaves its calls: those
without an Idempotency-Key are cancelled.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.caller import SUBPROTOCOL, Caller, caller_of
from api.errors import problem_of
from api.gateway import frames
from api.gateway.frames import Ask, CallName, Cancel
from api.gateway.problems import CANCELLED, error_of, refusal
from api.gateway.socket_call import SocketCall
from api.observation import log_fault
from api.parts import Parts
from api.problems import ApiProblem
from api.request_ids import id_of
from api.request_log import note
from domain.errors import LonghaulError

MAX_CALLS: Final = 16
"""Calls of one socket that may be open at a time."""
SEND_WITHIN_S: Final = 60.0
"""How long a client may not read before it is taken for gone."""


class _Gone(Exception):
    """The client is not there any more, or does not read."""


@dataclass(frozen=True)
class _Open:
    call: SocketCall
    task: "asyncio.Task[None]"


class ChatSocket:
    """One socket and its calls."""

    def __init__(self, socket: WebSocket, parts: Parts) -> None:
        """Take a socket that is not accepted yet."""
        self._socket = socket
        self._parts = parts
        self._open: dict[CallName, _Open] = {}
        self._named = 0
        self._gone = asyncio.Event()

    async def serve(self) -> None:
        """Serve until the client leaves."""
        spoken = SUBPROTOCOL if SUBPROTOCOL in self._socket.scope.get("subprotocols", ()) else None
        await self._socket.accept(spoken)
        watching = asyncio.create_task(self._gone.wait())
        try:
            while (raw := await self._received(watching)) is not None:
                await self._take(raw)
        except _Gone:
            pass
        finally:
            tasks = {watching, *(each.task for each in self._open.values())}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _received(self, watching: "asyncio.Task[bool]") -> bytes | None:
        """Return the next frame, None when the client has left."""
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            await asyncio.wait({receiving, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not receiving.done():
                receiving.cancel()
        if not receiving.done() or receiving.cancelled():
            return None
        message = receiving.result()
        if message["type"] != "websocket.receive":
            return None
        text, raw = message.get("text"), message.get("bytes")
        return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else raw or b""

    async def _take(self, raw: bytes) -> None:
        """Do what a frame says; one that cannot be used gets its error, and the socket goes on."""
        try:
            frame = frames.read(raw)
            if isinstance(frame, Cancel):
                await self._cancel(frame.name)
            else:
                self._begin(frame, await caller_of(self._socket))
        except (ApiProblem, LonghaulError) as error:
            await self._send(frames.failed(frames.name_in(raw), error_of(problem_of(error))))

    def _begin(self, ask: Ask, caller: Caller) -> None:
        if len(self._open) >= MAX_CALLS:
            raise refusal(429, "too_many_calls", f"a socket has at most {MAX_CALLS} open calls")
        name = self._name() if ask.name is None else ask.name
        if name in self._open:
            raise refusal(409, "call_is_open", "a call of this id is open", "id")
        call = SocketCall(self._parts, caller, name, self._send)
        self._open[name] = _Open(call, asyncio.create_task(self._run(call, ask)))

    def _name(self) -> CallName:
        """Return a name for a call that the client gave none."""
        while True:
            self._named += 1
            if self._named not in self._open:
                return self._named

    async def _run(self, call: SocketCall, ask: Ask) -> None:
        try:
            await self._make(call, ask)
        except _Gone:
            self._gone.set()
        finally:
            del self._open[call.name]
            if call.following is not None:
                note(self._socket, call.following, model=ask.body.get("model"))

    async def _make(self, call: SocketCall, ask: Ask) -> None:
        try:
            await call.make(ask)
        except _Gone:
            raise
        except Exception as error:  # noqa: BLE001  the last one to see it: told to the log, hidden from the client
            log_fault(error, id_of(self._socket.scope))
            await self._send(frames.failed(call.name, error_of(problem_of(error))))

    async def _cancel(self, name: CallName) -> None:
        found = self._open.get(name)
        if found is None:
            raise refusal(404, "no_such_call", "no call of this id is open", "id")
        found.task.cancel()
        await asyncio.wait({found.task})
        if found.task.cancelled():
            await found.call.give_up()
            await self._send(frames.failed(name, CANCELLED))

    async def _send(self, frame: str) -> None:
        """Send a frame; wait while the client does not read.

        Raises:
            _Gone: It has left, or has not read for too long.
        """
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._socket.send_text(frame)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):  # RuntimeError: what Starlette says after the end
            raise _Gone from None
