"""Passing an answer on while it comes: to viewers of a step as text, to callers of the gateway as chunks."""

import time
from typing import Final, Protocol

from services.llm.assignment import Assignment
from services.llm.chat import ChatChunk
from services.storage.event_writer import EventWriter
from services.storage.journal import Call
from services.storage.live import Begun, Chunks, Live

NOTED_AFTER_S: Final = 2.0
"""How long an answer may last before its length is noted; a process that dies sooner leaves no evidence of it."""
NOTED_EVERY_S: Final = 1.0


class Telling(Protocol):
    """Whoever hears an answer as it comes."""

    async def begin(self, *, again: bool) -> None:
        """Hear that the call is being made; `again`: what was heard of an earlier attempt is void."""
        ...

    async def chunk(self, chunk: ChatChunk, said: int) -> None:
        """Hear a chunk; `said`: the bytes in it that the model said."""
        ...


class Silence:
    """Nobody hears."""

    async def begin(self, *, again: bool) -> None:
        """Hear nothing."""

    async def chunk(self, chunk: ChatChunk, said: int) -> None:
        """Hear nothing."""


class TextTelling:
    """Viewers of a step hear its text, through the log."""

    def __init__(self, writer: EventWriter, work: Assignment, call: Call) -> None:
        self._writer = writer
        self._place = (work.key.request_id, work.step_id, call.id)

    async def begin(self, *, again: bool) -> None:
        """Void what an earlier attempt said."""
        if again:
            await self._writer.reset(*self._place)

    async def chunk(self, chunk: ChatChunk, said: int) -> None:  # noqa: ARG002  the text says it
        """Pass the text on."""
        if chunk.text:
            await self._writer.delta(*self._place, chunk.text)


class ChunkTelling:
    """The caller of the gateway hears every chunk, numbered: at once in this process, and through the log.

    `logged` False: nobody will ask for the chunks before the call has ended, so they do not go into the log; of an
    answer that lasts, the log is told how much has come, each second: should this process die, that much is owed.
    """

    def __init__(self, writer: EventWriter, live: Live, call: Call, *, logged: bool) -> None:
        self._writer = writer
        self._live = live
        self._call = call
        self._logged = logged
        self._next = 0
        self._unnoted = 0
        self._note_at = time.monotonic() + NOTED_AFTER_S

    async def begin(self, *, again: bool) -> None:  # noqa: ARG002  a higher attempt voids the lower by itself
        """Tell the process that the call is made here."""
        self._live.tell(self._call.key.request_id, Begun())

    async def chunk(self, chunk: ChatChunk, said: int) -> None:
        """Pass the chunks on, or note that they have come."""
        if not self._logged:
            await self._note(said)
        elif chunk.deltas:
            await self._tell(chunk, said)

    async def _tell(self, chunk: ChatChunk, said: int) -> None:
        first, self._next = self._next, self._next + len(chunk.deltas)
        call = self._call
        self._live.tell(call.key.request_id, Chunks(call.n, first, chunk.deltas))
        await self._writer.chunks(call.key.request_id, call.id, first, chunk.deltas, said)

    async def _note(self, said: int) -> None:
        self._unnoted += said
        now = time.monotonic()
        if self._unnoted and now >= self._note_at:
            noted, self._unnoted, self._note_at = self._unnoted, 0, now + NOTED_EVERY_S
            await self._writer.chunks(self._call.key.request_id, self._call.id, 0, (), noted)
