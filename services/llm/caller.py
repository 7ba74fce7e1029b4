"""The journaled model call: asked for once, paid for once, and its end on record whatever happens to this process.

Usually one statement takes a place in the pool, one opens the call (`opening`: events, journal) and one ends it
(`closing`: text, journal, cost). A deployment that fails gives way to another, within the call's time; that is the one
place where a call is repeated without Temporal.
"""

import asyncio
import os
import socket
from collections.abc import Coroutine, Mapping
from typing import Any

from domain.budget import Usage, cost
from domain.content import Text
from domain.errors import ModelError, NoCapacity, Unavailable
from domain.failover import Attempt as FailedAttempt
from domain.failover import goes_on
from domain.model_pool import Dialect
from domain.needs import needs
from services.llm.assignment import Assignment, CallFailed, CallResult, Compose
from services.llm.attempt import Attempt
from services.llm.chat import Adapter, ChatAnswer, ChatRequest, PlainRequest
from services.llm.closing import Books
from services.llm.course import Course
from services.llm.opening import OpenCall, input_tokens, open_call
from services.llm.pool.port import CANCELLED, OK, UNUSED, Granted, LeaseEnd, Need, Pool
from services.llm.telling import ChunkTelling, Silence, Telling, TextTelling
from services.storage import events
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.live import Live
from services.storage.uninterrupted import to_the_end

Request = ChatRequest | PlainRequest


class ModelCaller:
    """Calls models through the pool, for all activities of a process."""

    def __init__(
        self, db: Database, writer: EventWriter, pool: Pool, adapters: Mapping[Dialect, Adapter], live: Live
    ) -> None:
        """Take the process's own parts; they stay their maker's to close."""
        self._db = db
        self._writer = writer
        self._pool = pool
        self._adapters = adapters
        self._live = live
        self._books = Books(db)
        self._process = process_name()
        self._settling: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait for the leases that are being settled."""
        await asyncio.gather(*self._settling, return_exceptions=True)

    async def call(self, work: Assignment, compose: Compose) -> CallResult:
        """Return the round's answer, from the journal if it is there, else from a model.

        A cancellation ends the call at once and is answered with a result marked `cancelled`, not raised: what was used
        is known by it.

        Raises:
            CallFailed: No model gave an answer, none is free (NoCapacity), or the grant pays for none.
            NotFound: There is no such request.
            Unavailable: The database is away, or another process closed this call; the same call again is right.
        """
        request = await compose(self._db)
        course = Course(work, request.timeout_s)
        while True:
            try:
                granted = await self._take(course, request)
            except asyncio.CancelledError:
                await to_the_end(self._record(work))
                return _cancelled(course, "", Usage(), course.cost_micros)
            except CallFailed:
                await to_the_end(self._record(work))
                raise
            opened, cancelled = await to_the_end(self._open(work, request, granted))
            if not isinstance(opened, OpenCall):
                if isinstance(opened, CallFailed):
                    raise opened
                return opened
            course.journaled = opened.call.n
            if cancelled:
                return await self._cancel(course, Attempt(opened, work.keeps_chunks))
            result = await self._ask(course, opened)
            if result is not None:
                return result

    async def _record(self, work: Assignment) -> None:
        """Record what goes before the call also when there is none."""
        await events.append(self._db, work.key.request_id, work.events)

    async def _open(self, work: Assignment, request: Request, granted: Granted) -> OpenCall | CallResult | CallFailed:
        """Open the call in the journal; give the place back where there is none to make."""
        try:
            opened = await open_call(self._db, work, request, granted, self._process)
        except BaseException:
            await _settled(self._pool.settle(granted, LeaseEnd(UNUSED)))
            raise
        if not isinstance(opened, OpenCall):
            await _settled(self._pool.settle(granted, LeaseEnd(UNUSED)))
        return opened

    async def _take(self, course: Course, request: Request) -> Granted:
        """Take a place in the pool, waiting for one a little."""
        while True:
            try:
                taken, cancelled = await to_the_end(self._pool.take(_need(course, request)))
            except NoCapacity as error:
                await self._wait(course, error)
            except ModelError as error:
                raise _failure(course, course.failed or error) from None
            else:
                if cancelled:
                    await self._pool.settle(taken, LeaseEnd(UNUSED))
                    raise asyncio.CancelledError
                return taken

    async def _wait(self, course: Course, error: NoCapacity) -> None:
        """Wait until the pool is to be asked again.

        Raises:
            CallFailed: That would take longer than the call is to wait here.
        """
        if course.failed is not None:
            raise _failure(course, course.failed) from None
        pause_s = error.retry_after_s or 0.0
        if course.waited_s + pause_s > course.work.wish.patience_s:
            raise _failure(course, error) from None
        await asyncio.sleep(pause_s)
        course.waited_s += pause_s

    async def _ask(self, course: Course, opened: OpenCall) -> CallResult | None:
        """Make an attempt; None: it failed, and another deployment is to be asked."""
        work, granted = course.work, opened.granted
        attempt = Attempt(opened, work.keeps_chunks, on_answer=lambda: self._pool.answered(granted))
        telling = self._telling(work, opened)
        limit_s = max(min(course.left_s(), granted.timeout_s), 0.001)
        try:
            await telling.begin(again=opened.earlier.delivered)
            answer = await attempt.make(self._adapters[granted.provider.dialect], telling, limit_s)
        except asyncio.CancelledError:
            return await self._cancel(course, attempt)
        except ModelError as error:
            await to_the_end(self._failed(course, attempt, error))
            return None
        result, _ = await to_the_end(self._keep(course, attempt, answer))
        return result

    async def _keep(self, course: Course, attempt: Attempt, answer: ChatAnswer) -> CallResult:
        """Store the answer, and with it the text that the writer has not begun to store."""
        opened = attempt.opened
        course.note(opened.granted, OK, attempt.took_s())
        course.first_token_at = attempt.first_token_at
        end = attempt.end(OK, answer.usage, cost(answer.usage, opened.granted.price))
        said = await self._writer.take(opened.call.id)
        try:
            return await self._books.keep(course, opened, answer, said)
        except Unavailable:
            self._writer.give_back(course.work.key.request_id, said)  # should the call be lost, it is evidence
            raise
        finally:
            self._settle_soon(self._pool.settle(opened.granted, end))

    async def _failed(self, course: Course, attempt: Attempt, error: ModelError) -> None:
        """Close a failed attempt.

        Raises:
            CallFailed: No other deployment is to be asked.
        """
        opened, usage = attempt.opened, attempt.used(error)
        took_s = attempt.took_s()
        course.cost_micros = await self._books.close(course.work, opened, error.code, attempt.owed())
        course.note(opened.granted, error.code, took_s)
        course.failed = error
        await self._pool.settle(
            opened.granted, attempt.end(error.code, usage, cost(usage, opened.granted.price), error)
        )
        most = course.work.wish.max_attempts or opened.granted.route.max_attempts
        streamed = attempt.streamed and course.work.streams
        failed = FailedAttempt(
            error, took_s, course.left_s(), len(course.tries), most, streamed=streamed, resets=course.work.wish.resets
        )
        if not goes_on(failed):
            raise _failure(course, error)

    async def _cancel(self, course: Course, attempt: Attempt) -> CallResult:
        owed, used = attempt.owed(), attempt.used(None)
        opened = attempt.opened
        course.note(opened.granted, CANCELLED, attempt.took_s())
        micros, _ = await to_the_end(self._books.close(course.work, opened, CANCELLED, owed))
        end = attempt.end(CANCELLED, used, cost(used, opened.granted.price))
        self._settle_soon(self._pool.settle(opened.granted, end))
        return _cancelled(course, attempt.collected.text if attempt.collected else "", owed, micros)

    def _telling(self, work: Assignment, opened: OpenCall) -> Telling:
        if work.keeps_chunks:
            return ChunkTelling(self._writer, self._live, opened.call, logged=work.streams)
        return TextTelling(self._writer, work, opened.call) if work.streams else Silence()

    def _settle_soon(self, settling: Coroutine[Any, Any, None]) -> None:
        """Settle beside the answer: the caller does not wait for it, and a lease left unsettled ends by itself."""
        task = asyncio.create_task(_settled(settling))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


def process_name() -> str:
    """Return what this process is called in the journal and on its leases, for people."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def _settled(settling: Coroutine[Any, Any, None]) -> None:
    try:
        await settling
    except Unavailable:
        return  # the lease expires


def _need(course: Course, request: Request) -> Need:
    work, wish = course.work, course.work.wish
    bound = request.max_output_tokens if isinstance(request, ChatRequest) else 0
    return Need(
        call_id=f"{work.key.request_id}/{work.key.slot}/{work.key.round}",
        model=request.model,
        owner=work.owner,
        endpoint=wish.endpoint,
        fairness_key=wish.fairness_key or work.owner,
        priority=wish.priority,
        session=wish.session,
        input_tokens=input_tokens(request),
        max_output_tokens=bound,
        capabilities=request.capabilities if isinstance(request, ChatRequest) else needs(wish.endpoint, request.body),
        tried=course.tried,
        waits=wish.waits,
    )


def _cancelled(course: Course, text: str, usage: Usage, micros: int) -> CallResult:
    return CallResult(
        text=text,
        stored=Text.inline(""),
        finish_reason=CANCELLED,
        refused=False,
        usage=usage,
        cost_micros=micros,
        cancelled=True,
        way=course.way(micros),
    )


def _failure(course: Course, error: ModelError) -> CallFailed:
    return CallFailed(error, course.cost_micros, tries=course.journaled, way=course.way(course.cost_micros))
