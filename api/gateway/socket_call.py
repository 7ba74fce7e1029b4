"""One chat over a socket: asked for as over HTTP, its answer sent frame by frame."""

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from api.acting import note_acting
from api.caller import Caller
from api.errors import problem_of
from api.gateway import frames
from api.gateway.asking import asked_of
from api.gateway.chat_body import check_chat, wants_usage
from api.gateway.chat_chunks import ChatEvents, Chosen
from api.gateway.fields import BadField, Fields
from api.gateway.following import CacheUse, End, Following, begin
from api.gateway.frames import Ask, CallName
from api.gateway.openai_door import OpenAIDoor
from api.gateway.problems import error_of, failure_of, of_field, refusal
from api.gateway.starting import cancel_soon
from api.gateway.telling import BROKEN_OFF, BegunAnew
from api.parts import Parts
from api.problems import ApiProblem
from domain.errors import LonghaulError
from domain.gateway import CallError
from domain.model_pool import Endpoint
from services.storage.audit import Act

ROUTE: Final = "POST /v1/chat/completions"
"""Idempotency-Keys are those of chats over HTTP: a call begun there may be taken up here, with the same body."""


class SocketCall:
    """A call of a socket. `send` sends a frame, and waits while the client does not read."""

    def __init__(self, parts: Parts, caller: Caller, name: CallName, send: Callable[[str], Awaitable[None]]) -> None:
        """Take the name by which the client knows the call."""
        self.name = name
        self._parts = parts
        self._caller = caller
        self._send = send
        self.following: Following | None = None
        self._keyed: Following | None = None

    async def make(self, ask: Ask) -> None:
        """Make the call, and send its answer or its error."""
        try:
            failed = await self._answer(ask)
        except (ApiProblem, LonghaulError) as error:
            failed = error_of(problem_of(error))
        await self._send(frames.done(self.name) if failed is None else frames.failed(self.name, failed))

    async def give_up(self) -> None:
        """End a call that the client cancelled and that leaving it does not end, for it has a key.

        Raises:
            Unavailable: It was to be noted for whom the client acts, and the database does not answer.
        """
        if self._keyed is not None and self._keyed.cache is not CacheUse.HIT:
            call_id = self._keyed.call_id
            await note_acting(self._parts.database, self._caller, Act("call.cancel", "call", call_id))
            cancel_soon(self._parts, call_id)

    async def _answer(self, ask: Ask) -> CallError | None:
        """Send the answer; return why there is none, or no more of it."""
        began = time.perf_counter()
        body = {**ask.body, "stream": True}
        try:
            check_chat(Fields(body))
            usage = wants_usage(Fields(body))
        except BadField as bad:
            raise of_field(BadField(f"body.{bad.param}", bad.message, bad.code)) from None
        asked = asked_of(body, ask.headers, ROUTE, Endpoint.CHAT)
        if asked.options.background:
            raise refusal(400, "no_jobs_here", "a job is asked for by POST /v1/chat/completions", "body.longhaul.async")
        async with await begin(self._parts, self._caller, asked) as following:
            self.following = following
            if asked.idempotency_key is not None:
                self._keyed = following
            door = OpenAIDoor(following, asked.options.model, began)
            chosen = Chosen(asked.options.model, usage=usage, resets=asked.options.resets, start=asked.start)
            return await self._tell(following, door, ChatEvents(door, chosen))

    async def _tell(self, following: Following, door: OpenAIDoor, words: ChatEvents) -> CallError | None:
        await self._send(frames.begun(self.name, door.headers()))
        async with aclosing(following.news()) as news:
            async for each in news:
                if each is None:
                    continue
                if isinstance(each, End) and each.outcome.phase != "done":
                    return failure_of(each.outcome)
                try:
                    written = words.end(each) if isinstance(each, End) else words.piece(each)
                except BegunAnew:
                    return BROKEN_OFF
                for frame in frames.chunks(self.name, written):
                    await self._send(frame)
        return None
