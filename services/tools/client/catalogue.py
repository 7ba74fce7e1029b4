"""The last list of each server, so that a contract can be looked up before a call without asking each time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from services.tools.client.listing import Listing
from services.tools.client.pool import Key

REMEMBERED = 500
"""Lists that are kept, and servers whose last change is."""


class _Known(NamedTuple):
    """A list; `at`: when it was asked for, on the event loop's clock."""

    at: float
    listing: Listing


class Catalogue:
    """Remembers lists. Who asks while one is being fetched shares it."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, _Known] = OrderedDict()
        self._changes: OrderedDict[str, float] = OrderedDict()
        self._fetching: dict[Key, asyncio.Task[Listing]] = {}

    async def get(self, key: Key, max_age_s: float, fetch: Callable[[], Coroutine[Any, Any, Listing]]) -> Listing:
        """Return a list at most so old, and not older than the last change that was told; else a new one.

        Raises:
            ToolError: It cannot be fetched.
        """
        known = self._known.get(key)
        oldest = max(_now() - max_age_s, self._changes.get(key.server_id, float("-inf")))
        if known and known.at > oldest:
            return known.listing
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.create_task(self.fresh(key, fetch), name="tool listing")
            task.add_done_callback(lambda done: self._fetched(key, done))
        await asyncio.wait({task})
        return task.result()

    async def fresh(self, key: Key, fetch: Callable[[], Coroutine[Any, Any, Listing]]) -> Listing:
        """Fetch a list and remember it.

        Raises:
            ToolError: It cannot be fetched.
        """
        at = _now()
        listing = await fetch()
        self._known[key] = _Known(at, listing)
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return listing

    def changed(self, server_id: str) -> None:
        """Take note that a server's lists have changed just now."""
        self._changes[server_id] = _now()
        self._changes.move_to_end(server_id)
        while len(self._changes) > REMEMBERED:
            self._changes.popitem(last=False)

    async def close(self) -> None:
        """End what is being fetched."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _fetched(self, key: Key, task: asyncio.Task[Listing]) -> None:
        self._fetching.pop(key, None)
        if not task.cancelled():
            task.exception()  # it is known, also when everybody who waited has left


def _now() -> float:
    return asyncio.get_running_loop().time()
