"""Following one call to its end, by both ways on which its answer comes.

In the process that makes it, news are heard at once. Where nothing begins within a quarter of a second, something is
missing, or all is still, the log is read as well: it is the truth, some tens of milliseconds later.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from api.gateway.answers import load_end
from api.gateway.feed import Feed
from api.gateway.line import Line
from api.gateway.pieces import End, Piece, Place, joined
from api.gateway.starting import CallRef, is_lost
from api.parts import Parts
from domain.call_errors import OURS
from domain.gateway import CallError, CallOutcome
from services.storage.live import Begun, Chunks, Finished, News, Overrun

KEEP_ALIVE_S: Final = 15.0
BEGINS_WITHIN_S: Final = 0.25
SILENCE_S: Final = 5.0
_LOOK_EVERY: Final = 4
"""Of so many silences one has us look whether the call's workflow is there at all."""

_LOST: Final = CallError(
    status=500, type=OURS, code="call_lost", message="the call ended without an answer on our side; ask again"
)


class CallNews:
    """The news of one call. Close it."""

    def __init__(self, parts: Parts, call: CallRef, start: Place, *, late: bool = False) -> None:
        """Begin to listen, from `start` on. `late`: the call was begun earlier, by another."""
        self.call = call
        self._parts = parts
        self._feed = Feed(parts, call.id)
        self._line = Line(start)
        self._heard = False
        self._silences = 0
        if late or parts.live is None:
            self._feed.read_log()

    def close(self) -> None:
        """Stop listening."""
        self._feed.close()

    async def follow(self) -> AsyncGenerator[Piece | End | None, None]:
        """Yield pieces as they come, then the end. None: nothing came for 15 s.

        Raises:
            Unavailable: The database, asked for the whole answer, does not answer.
        """
        clock = asyncio.get_running_loop()
        told_at = clock.time()
        while True:
            heard = await self._feed.hear(min(self._patience_s(), max(told_at + KEEP_ALIVE_S - clock.time(), 0)))
            pieces, finished = self._sorted(heard)
            for piece in pieces:
                yield piece
            if finished is not None:
                async for last in self._last(finished):
                    yield last
                return
            if pieces:
                told_at = clock.time()
            elif clock.time() >= told_at + KEEP_ALIVE_S:
                if await self._is_lost():
                    yield End(CallOutcome(phase="failed", error=_LOST))
                    return
                yield None
                told_at = clock.time()

    def _patience_s(self) -> float:
        """Return how long to wait for news before the log is read, too."""
        if self._feed.reads_log:
            return KEEP_ALIVE_S
        return SILENCE_S if self._heard else BEGINS_WITHIN_S

    def _sorted(self, heard: Sequence[News]) -> tuple[list[Piece], Finished | None]:
        """Return the pieces that are new, and the end if it was heard; see to it that nothing is missed."""
        pieces: list[Piece] = []
        finished: Finished | None = None
        misses = not heard
        for news in heard:
            if isinstance(news, Chunks):
                pieces += self._line.take(Piece(news.n, news.first, news.chunks))
            elif isinstance(news, Begun):
                self._hear_all_here()
            elif isinstance(news, Overrun):
                misses = True
            else:
                finished = news
        self._heard = self._heard or bool(heard)
        if finished is None and (misses or self._line.has_gap):
            self._feed.read_log()
        return joined(pieces), finished

    async def _last(self, finished: Finished) -> AsyncGenerator[Piece | End, None]:
        end = await self._end(finished)
        if end.chunks:
            attempt = max(end.outcome.attempt, self._line.n)
            for piece in joined(self._line.take(Piece(attempt, 0, end.chunks))):
                yield piece
        yield end

    async def _end(self, finished: Finished) -> End:
        if finished.chunks or finished.body is not None:
            return End(finished.outcome, finished.chunks, finished.body)
        return await load_end(self._parts.database, finished.outcome)

    def _hear_all_here(self) -> None:
        """Read the log no longer: the call's maker begins, in this process, and nothing of the answer was missed."""
        if self._line.next == 0:
            self._feed.leave_log()

    async def _is_lost(self) -> bool:
        self._silences += 1
        return self._silences % _LOOK_EVERY == 1 and await is_lost(self._parts, self.call)


async def replay(parts: Parts, outcome: CallOutcome, start: Place) -> AsyncGenerator[Piece | End, None]:
    """Yield the answer of a call that has ended, from `start` on, in its chunks; then its end.

    Raises:
        Unavailable: The database does not answer.
    """
    end = await load_end(parts.database, outcome)
    for piece in Line(start).take(Piece(max(outcome.attempt, start.n), 0, end.chunks)):
        yield piece
    yield end
