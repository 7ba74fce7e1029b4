"""Heartbeats from a task of their own, so that a cancellation is seen while a model is silent."""

import asyncio
from types import TracebackType
from typing import Self

from temporalio import activity

from contracts.policies import HEARTBEAT_EVERY


class Beating:
    """`async with Beating():` heartbeats once a second for the length of its block."""

    async def __aenter__(self) -> Self:
        """Start to beat."""
        self._task = asyncio.create_task(_beat())
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._task.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY)
        activity.heartbeat()
