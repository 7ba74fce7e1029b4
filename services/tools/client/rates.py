"""How often and how many at once a server is called: a turn is waited for as long as the caller has time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.errors import ToolUnavailable
from domain.tool_server import Limits

WAITING_LIMIT = 1000
"""Callers that may wait for one server; more are sent away at once."""
_BURST = 4
"""A quarter of a minute's calls may come at once."""


class Gate:
    """The limits of one server, in this process."""

    def __init__(self, limits: Limits) -> None:
        self._slots = asyncio.Semaphore(limits.max_concurrency)
        self._rate = Rate(limits.calls_per_minute)
        self.waiting = 0
        """Callers that wait for a turn."""

    @asynccontextmanager
    async def turn(self, deadline: float) -> AsyncIterator[None]:
        """Hold a turn for the length of a block.

        Args:
            deadline: The time, on the event loop's clock, until which the caller waits.

        Raises:
            ToolUnavailable: No turn comes in time; nothing was sent.
        """
        await self._enter(deadline)
        try:
            yield
        finally:
            self._slots.release()

    async def _enter(self, deadline: float) -> None:
        if self.waiting >= WAITING_LIMIT:
            raise ToolUnavailable("too many calls wait for this server", retry_after_s=1.0)
        self.waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
                await self._pace(deadline)
        except TimeoutError:
            raise ToolUnavailable("no turn at this server in time: it is busy with other calls") from None
        finally:
            self.waiting -= 1

    async def _pace(self, deadline: float) -> None:
        """Wait for the rate, with the slot held; give it back when no turn comes."""
        try:
            wait = self._rate.take(asyncio.get_running_loop().time(), deadline)
            await asyncio.sleep(wait)
        except BaseException:
            self._slots.release()
            raise


class Rate:
    """A token bucket: a minute's calls flow in evenly, a quarter of them may be saved up."""

    def __init__(self, per_minute: int) -> None:
        self._interval = 60.0 / per_minute
        self._saved = self._interval * max(per_minute // _BURST, 1)
        self._next = float("-inf")

    def take(self, now: float, deadline: float) -> float:
        """Take a token, perhaps one to come, and return how long to wait for it, in seconds.

        Raises:
            ToolUnavailable: It would come too late; none is taken.
        """
        at = max(self._next, now - self._saved + self._interval)
        if at > deadline:
            raise ToolUnavailable("this server's calls per minute are used up", retry_after_s=at - now)
        self._next = at + self._interval
        return max(at - now, 0.0)
