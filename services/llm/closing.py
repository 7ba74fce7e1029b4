"""The second half of a journaled call: its answer or its failure, and what it cost, stored in one statement, once."""

import asyncio
import json
from collections.abc import Sequence
from typing import NamedTuple

from domain.budget import Usage, cost
from domain.errors import Unavailable
from domain.events import Event
from services.llm.assignment import Assignment, CallResult, Way
from services.llm.chat import ChatAnswer
from services.llm.course import Course
from services.llm.opening import OpenCall, cost_event
from services.storage import blobs, journal
from services.storage.database import Database

STORE_WITHIN_S = 30.0
"""How long an answer is held while the database is away: it is paid for."""


class Books:
    """Closes calls in the journal."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def keep(
        self, course: Course, opened: OpenCall, answer: ChatAnswer, said: Sequence[Event] = ()
    ) -> CallResult:
        """Store an answer; try again while the database is away.

        Args:
            course: The call's course so far.
            opened: The call.
            answer: Its answer.
            said: Streamed text of the call that is not stored yet: it precedes the call's end in the log.

        Raises:
            Unavailable: The database stayed away, or another process closed the call.
        """
        end = _end(course, opened, answer)
        if not await self._stored(opened, end, said):
            raise Unavailable("another process closed this model call", retry_after_s=0.5)
        return CallResult(
            text=answer.text,
            stored=end.entry.text,
            finish_reason=answer.finish_reason,
            refused=answer.refused,
            usage=answer.usage,
            cost_micros=end.way.cost_micros,
            way=end.way,
            answer=answer,
        )

    async def _stored(self, opened: OpenCall, end: "_End", said: Sequence[Event]) -> bool:
        until = asyncio.get_running_loop().time() + STORE_WITHIN_S
        pause_s = 0.1
        while True:
            try:
                events = (*said, *end.events)
                return await journal.finish(self._db, opened.call, end.entry, body=end.body, events=events)
            except Unavailable:
                if asyncio.get_running_loop().time() + pause_s > until:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 2.0)

    async def close(self, work: Assignment, opened: OpenCall, code: str, usage: Usage) -> int:
        """Close a call without an answer; return what the round has cost.

        Raises:
            Unavailable: The database is away; the call stays open, and the next attempt closes it as lost.
        """
        granted = opened.granted
        micros = cost(usage, granted.price)
        simulated = granted.provider.simulated
        spent = (
            ()
            if usage == Usage()
            else (cost_event(work, opened.call, granted.upstream_model, usage, micros, simulated=simulated),)
        )
        closed = await journal.fail(self._db, opened.call, code=code, usage=usage, cost_micros=micros, events=spent)
        return opened.earlier.cost_micros + (micros if closed else 0)


class _End(NamedTuple):
    """What is stored of an answer: the journal's entry, the body of a long text, the events that it brings about."""

    entry: journal.Answer
    body: bytes | None
    events: tuple[Event, ...]
    way: Way


def _end(course: Course, opened: OpenCall, answer: ChatAnswer) -> _End:
    work, granted = course.work, opened.granted
    stored, body = blobs.portable(_kept(work, answer))
    micros = cost(answer.usage, granted.price)
    entry = journal.Answer(
        text=stored,
        finish_reason=answer.finish_reason,
        refused=answer.refused,
        usage=answer.usage,
        cost_micros=micros,
        model=answer.model,
    )
    spent = cost_event(work, opened.call, answer.model, answer.usage, micros, simulated=answer.simulated)
    way = course.way(micros + opened.earlier.cost_micros)
    concluded = work.conclude(answer, stored, way) if work.conclude else ()
    return _End(entry, body, (spent, *concluded), way)


def _kept(work: Assignment, answer: ChatAnswer) -> str:
    """Return what the journal keeps of an answer: its text, or of a gateway call all that its caller is owed."""
    if not work.keeps_chunks:
        return answer.text
    kept = {"chunks": answer.deltas} if answer.body is None else {"body": answer.body}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
