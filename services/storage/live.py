"""Answers on their way within one process: from the activity that hears a model to the API that serves the caller.

Beside the log, never instead of it: what is published here is stored as well, and a caller that hears nothing here
reads the log. Chunks are numbered by whoever makes the call, so that both ways can be told apart and joined.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from domain.gateway import CallOutcome

QUEUE_LIMIT = 10_000
"""Pieces of news that a slow listener may leave unread; then it is told to read the log instead."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """Chunks of an answer, numbered from `first`. `n`: the attempt they are of; a higher one starts anew from 0."""

    n: int
    first: int
    chunks: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """A process of ours makes the call, so that more will be heard here."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The call's end, told after it was stored. `chunks`: the whole answer, as the log has it; `body`: in one piece.

    With neither the outcome's `answer` is loaded.
    """

    outcome: CallOutcome
    chunks: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Overrun:
    """The listener was too slow: what follows is in the log."""


News = Begun | Chunks | Finished | Overrun


class Live:
    """Who listens to which call."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[asyncio.Queue[News]]] = {}

    @contextmanager
    def listening(self, call_id: str) -> Iterator[asyncio.Queue[News]]:
        """Return a queue of the call's news, from now on."""
        queue: asyncio.Queue[News] = asyncio.Queue()
        self._listeners.setdefault(call_id, []).append(queue)
        try:
            yield queue
        finally:
            mine = self._listeners[call_id]
            mine.remove(queue)
            if not mine:
                del self._listeners[call_id]

    def is_followed(self, call_id: str) -> bool:
        """Return whether anybody in this process listens to the call."""
        return call_id in self._listeners

    def tell(self, call_id: str, news: News) -> None:
        """Tell the listeners of a call. Never blocks."""
        for queue in self._listeners.get(call_id, ()):
            if queue.qsize() < QUEUE_LIMIT:
                queue.put_nowait(news)
            elif queue.qsize() == QUEUE_LIMIT:
                queue.put_nowait(Overrun())
