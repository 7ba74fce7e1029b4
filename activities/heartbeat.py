"""Heartbeats from a task of their own, so that a cancellation is seen while a model is silent."""

import asyncio
from types import TracebackType
from typing import Self

from temporalio import activity

from contracts.policies import HEARTBEAT_EVERY
from domain.value import Value


class Beating:
    """`async with Beating() as beating:` heartbeats once a second for the length of its block.

    What `beating.tell` was told last goes with each beat, for those who look at the activity in Temporal Web.
    """

    def __init__(self) -> None:
        self._told: tuple[Value, ...] = ()

    async def __aenter__(self) -> Self:
        """Start to beat."""
        self._task = asyncio.create_task(self._beat())
        return self

    def tell(self, progress: Value) -> None:
        """Send this along from the next beat on."""
        self._told = (progress,)

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._task.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_EVERY)
            activity.heartbeat(*self._told)
