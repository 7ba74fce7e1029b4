"""A bounded copy of what was looked up, good for seconds; who asks for the same at once waits for one look-up."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by key, with the moment since which they may have been another.

    Args:
        load: Looks a value up; None: there is none.
        ttl_s: How long a value is good, from before it was asked for.
        most: How many are kept, and again as many keys that there is nothing of.
        clock: Seconds.
    """

    def __init__(
        self,
        load: Callable[[str], Awaitable[V | None]],
        *,
        ttl_s: float,
        most: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._load = load
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, V]] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()
        self._loading: dict[str, asyncio.Task[V | None]] = {}

    async def get(self, key: str) -> tuple[float, V] | None:
        """Return a value and when it was asked for; None: there is none. Raises what the look-up raises."""
        now = self._clock()
        found = self._known.get(key)
        if found is not None and now - found[0] < self._ttl_s:
            return found
        if now - self._missing.get(key, float("-inf")) < self._ttl_s:
            return None
        return await self._loaded(key)

    async def anew(self, key: str) -> tuple[float, V] | None:
        """Return a value that is asked for from now on, whatever is known; else as `get`."""
        now = self._clock()
        found = await self._loaded(key)
        return found if found is None or found[0] >= now else await self._loaded(key)

    async def _loaded(self, key: str) -> tuple[float, V] | None:
        now = self._clock()
        value = await asyncio.shield(self._task(key, now))
        return self._known.get(key, (now, value)) if value is not None else None

    def _task(self, key: str, now: float) -> asyncio.Task[V | None]:
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.ensure_future(self._look_up(key, now))
            task.add_done_callback(_seen)
        return task

    async def _look_up(self, key: str, asked_at: float) -> V | None:
        try:
            value = await self._load(key)
        finally:
            del self._loading[key]
        self._known.pop(key, None)
        self._missing.pop(key, None)
        if value is None:
            _keep(self._missing, key, asked_at, self._most)
        else:
            _keep(self._known, key, (asked_at, value), self._most)
        return value


T = TypeVar("T")


def _keep(kept: OrderedDict[str, T], key: str, value: T, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)


def _seen(task: asyncio.Task[object]) -> None:
    """Take note of an error that nobody waits for any more, so that it is not reported as forgotten."""
    if not task.cancelled():
        task.exception()
