"""A run: every way in every round, one call at a time, then 50 at once; bounded in calls and in seconds.

One call at a time, the ways take turns after a few calls each, so that a busy machine is busy for all of them.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.tools.servers import AT_ONCE
from bench.tools.way import Kind, Taken, Timed, Way, together

CALL_LIMIT_S: Final = 30.0
"""A call that takes longer ends the run."""


@dataclass(frozen=True)
class Size:
    """How much a run does.

    Attributes:
        rounds: How often all ways are measured.
        turns: How often in a round each way has its turn, one call at a time.
        alone: Calls in such a turn, by kind.
        loaded: Calls `AT_ONCE` at a time in each round.
        warm_up: Calls one at a time before anything counts, of each kind.
        budget_s: No further round begins after so long.
    """

    rounds: int
    turns: int
    alone: dict[Kind, int] = field(hash=False)
    loaded: int
    warm_up: int
    budget_s: float = 110.0

    def passes(self, ways: Sequence[Way]) -> int:
        """What there is to do, in passes."""
        return len(ways) * (1 + self.rounds * (self.turns + 1))


FULL: Final = Size(rounds=5, turns=8, alone={"call": 12, "activity": 5, "request": 1}, loaded=200, warm_up=10)
QUICK: Final = Size(rounds=1, turns=2, alone={"call": 5, "activity": 3, "request": 1}, loaded=100, warm_up=2)


@dataclass(frozen=True)
class Round:
    """One way in one round. `loaded`: 50 at once; `slow`: 50 calls that take half a second at the server, at once."""

    alone: Taken
    loaded: Taken | None
    slow: Taken | None


@dataclass(frozen=True)
class Result:
    """One way in a whole run."""

    way: Way
    rounds: tuple[Round, ...]


async def measure(
    ways: Sequence[Way], size: Size, said: Callable[[str], None], done: Callable[[], None]
) -> list[Result]:
    """Measure all of them; every second round goes backwards. `done` is called after each pass."""
    began = time.monotonic()
    for way in ways:
        said(f"warm-up: {way.name}, {way.transport}")
        await _warm_up(way, size)
        done()
    rounds: list[list[Round]] = [[] for _ in ways]
    for number in range(size.rounds):
        if number and time.monotonic() - began > size.budget_s:
            break
        said(f"round {number + 1}")
        order = list(range(len(ways)) if number % 2 == 0 else reversed(range(len(ways))))
        for index, found in zip(order, await _round([ways[index] for index in order], size, done), strict=True):
            rounds[index].append(found)
    return [Result(way, tuple(found)) for way, found in zip(ways, rounds, strict=True)]


async def _round(ways: Sequence[Way], size: Size, done: Callable[[], None]) -> list[Round]:
    alone: list[list[Taken]] = [[] for _ in ways]
    for _ in range(size.turns):
        for way, taken in zip(ways, alone, strict=True):
            taken.append(await run_pass(way, way.once, size.alone[way.kind], 1))
            done()
    found: list[Round] = []
    for way, taken in zip(ways, alone, strict=True):
        found.append(Round(together(taken), *await _at_once(way, size)))
        done()
    return found


async def _at_once(way: Way, size: Size) -> tuple[Taken | None, Taken | None]:
    if way.slow is None:
        return None, None
    loaded = await run_pass(way, way.once, size.loaded, AT_ONCE)
    return loaded, await run_pass(way, way.slow, AT_ONCE, AT_ONCE)


async def run_pass(way: Way, once: Timed, count: int, at_once: int) -> Taken:
    """Make `count` calls, `at_once` of them under way at any time.

    Raises:
        TimeoutError: One takes longer than CALL_LIMIT_S.
    """
    await way.prepare(count)
    left, taken = iter(range(count)), list[float]()
    began, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(min(at_once, count)):
            group.create_task(_caller(once, left, taken))
    return Taken(tuple(taken), time.perf_counter() - began, time.process_time() - cpu)


async def _caller(once: Timed, left: Iterator[int], taken: list[float]) -> None:
    for _ in left:
        async with asyncio.timeout(CALL_LIMIT_S):
            taken.append(await once())


async def _warm_up(way: Way, size: Size) -> None:
    await run_pass(way, way.once, size.warm_up, 1)
    if way.slow is not None:
        await run_pass(way, way.once, AT_ONCE, AT_ONCE)
