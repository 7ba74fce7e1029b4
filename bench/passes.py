"""Running many requests: one at a time for latency, several at once for throughput."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.contender import Program, Sample


@dataclass(frozen=True)
class Passed:
    """A pass: its samples, and the seconds from the first start to the last end."""

    samples: tuple[Sample, ...]
    wall_s: float

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return len(self.samples) / self.wall_s


async def run_pass(program: Program, count: int, at_once: int, done: Callable[[], None]) -> Passed:
    """Run `count` requests, `at_once` of them under way at any time; `done` is called after each."""
    left = iter(range(count))
    samples: list[Sample] = []
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(_runner(program, left, samples, done))
    return Passed(tuple(samples), time.perf_counter() - began)


async def _runner(program: Program, left: Iterator[int], samples: list[Sample], done: Callable[[], None]) -> None:
    for _ in left:
        samples.append(await program.run())
        done()
