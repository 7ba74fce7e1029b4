"""A run: every contender in every round, next to each other, so that a busy machine is busy for all of them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client

from bench.contender import Contender
from bench.databases import FLUSH_S, Counts
from bench.figures import Result, Round
from bench.ground import Ground
from bench.histories import footprint, middle
from bench.passes import Passed, run_pass
from bench.processor import busy_s, own_s, seconds_used
from bench.temporal_postgres import STORE

SAMPLED: Final = 5
"""Requests whose histories are fetched."""


@dataclass(frozen=True)
class Size:
    """How much a run does.

    Attributes:
        rounds: How often all contenders are measured.
        alone: Requests one at a time, in each round.
        loaded: Requests `at_once` at a time, in each round.
        warm_up: Requests before anything counts.
        counted: Requests whose rows and commits are counted at the end; 0 leaves that out.
    """

    rounds: int
    alone: int
    loaded: int
    at_once: int
    warm_up: int
    counted: int

    def requests(self, contenders: int) -> int:
        """Requests in the whole run."""
        return contenders * (self.warm_up + self.rounds * (self.alone + self.loaded) + self.counted)


FULL: Final = Size(rounds=4, alone=15, loaded=60, at_once=20, warm_up=20, counted=50)
QUICK: Final = Size(rounds=1, alone=5, loaded=20, at_once=10, warm_up=3, counted=0)

Told = Callable[[str], None]


class Run:
    """Measures contenders. `said` is told what is measured now, `done` is called after each request."""

    def __init__(self, ground: Ground, size: Size, said: Told, done: Callable[[], None]) -> None:
        self._ground = ground
        self._size = size
        self._said = said
        self._done = done
        self._rounds: dict[str, list[Round]] = {}

    async def measure(self, contenders: list[Contender]) -> list[Result]:
        """Measure all of them; every second round goes backwards, so that nobody is always first."""
        for contender in contenders:
            self._said(f"warm-up: {contender.name}")
            await self._pass(contender, self._size.warm_up, min(self._size.at_once, self._size.warm_up))
        for number in range(self._size.rounds):
            for contender in contenders if number % 2 == 0 else reversed(contenders):
                self._said(f"round {number + 1}: {contender.name}")
                self._rounds.setdefault(contender.name, []).append(await self._round(contender))
        counts = await self._count(contenders) if self._size.counted else {}
        return [await self._result(contender, counts.get(contender.name, {})) for contender in contenders]

    async def _round(self, contender: Contender) -> Round:
        alone = await self._pass(contender, self._size.alone, 1)
        pids = self._ground.pids(contender.processes)
        before, busy_before, own_before = seconds_used(pids), busy_s(), own_s()
        loaded = await self._pass(contender, self._size.loaded, self._size.at_once)
        after, busy, own = seconds_used(pids), busy_s() - busy_before, own_s() - own_before
        used = {name: after[name] - before[name] for name in pids}
        return Round.of(alone, loaded, used, max(busy - own - sum(used.values()), 0.0))

    async def _pass(self, contender: Contender, count: int, at_once: int) -> Passed:
        return await run_pass(contender.program, count, at_once, self._done)

    async def _count(self, contenders: list[Contender]) -> dict[str, dict[str, Counts]]:
        """What each database did for one request of each contender, less what it does when nobody asks."""
        self._said("rows and commits: idle")
        await asyncio.sleep(FLUSH_S)
        idle = await self._counts_a_second()
        found: dict[str, dict[str, Counts]] = {}
        for contender in contenders:
            self._said(f"rows and commits: {contender.name}")
            found[contender.name] = await self._counts_a_request(contender, idle)
        return found

    async def _counts_a_second(self) -> dict[str, Counts]:
        before, began = await self._ground.databases.counts(), time.perf_counter()
        await asyncio.sleep(2 * FLUSH_S)
        after, took_s = await self._ground.databases.counts(), time.perf_counter() - began
        return {name: (after[name] - before[name]).times(1 / took_s) for name in after}

    async def _counts_a_request(self, contender: Contender, idle: dict[str, Counts]) -> dict[str, Counts]:
        before, began = await self._ground.databases.counts(), time.perf_counter()
        await self._pass(contender, self._size.counted, 1)
        await asyncio.sleep(FLUSH_S)
        after, took_s = await self._ground.databases.counts(), time.perf_counter() - began
        own = {name: after[name] - before[name] - idle[name].times(took_s) for name in after}
        return {name: counts.times(1 / self._size.counted) for name, counts in own.items()}

    async def _result(self, contender: Contender, counts: dict[str, Counts]) -> Result:
        self._said(f"histories: {contender.name}")
        client: Client = contender.program.client
        passed = await run_pass(contender.program, SAMPLED, 1, lambda: None)
        footprints = [await footprint(client, sample.workflow_id) for sample in passed.samples]
        return Result(
            name=contender.name,
            rounds=tuple(self._rounds[contender.name]),
            footprint=middle(footprints),
            own_database=counts.get(contender.database or ""),
            temporal_database=counts.get(STORE),
        )
