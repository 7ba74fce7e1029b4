"""A run: every contender in every round, next to each other, so that a busy machine is busy for all of them."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx
import psutil

from bench.gateway.contenders import Contender
from bench.gateway.load import Streamed, call, stream, together
from bench.ground import Ground
from bench.processor import seconds_used

_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Size:
    """How much a run does: calls one at a time, calls `at_once`, streams `streams_at_once`, in each round."""

    rounds: int
    alone: int
    loaded: int
    at_once: int
    streams: int
    streams_at_once: int
    warm_up: int

    def passes(self, contenders: int) -> int:
        """What a progress bar counts."""
        return contenders * self.rounds * 3


FULL: Final = Size(rounds=4, alone=100, loaded=400, at_once=32, streams=96, streams_at_once=16, warm_up=50)
QUICK: Final = Size(rounds=1, alone=10, loaded=40, at_once=32, streams=16, streams_at_once=16, warm_up=5)


@dataclass(frozen=True)
class Round:
    """One contender in one round.

    Attributes:
        alone_s: What each call took, one at a time.
        per_s: Calls a second at full load; `loaded_p50_ms`: what one took then.
        first_ms: First text of a stream, the median with all streams at once; `chunks_per_s` over all of them.
        memory_mib: Of the contender's processes and their children, after all of that (resident).
        cpu_ms: Processor time of a call at full load, by process, PostgreSQL and Temporal included.
    """

    alone_s: tuple[float, ...]
    per_s: float
    loaded_p50_ms: float
    first_ms: float
    chunks_per_s: float
    memory_mib: float
    cpu_ms: dict[str, float]

    @property
    def p50_ms(self) -> float:
        """The median of the calls one at a time."""
        return statistics.median(self.alone_s) * 1000


@dataclass(frozen=True)
class Result:
    """One contender in a whole run."""

    name: str
    rounds: tuple[Round, ...]


class Run:
    """Measures contenders. `said` is told what is measured now, `done` is called after each pass."""

    def __init__(self, ground: Ground, size: Size, said: Callable[[str], None], done: Callable[[], None]) -> None:
        self._ground = ground
        self._size = size
        self._said = said
        self._done = done

    async def measure(self, contenders: Sequence[Contender]) -> list[Result]:
        """Measure all, round by round."""
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        found: dict[str, list[Round]] = {contender.name: [] for contender in contenders}
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
            for contender in contenders:
                self._said(f"warming up {contender.name}")
                await together(self._size.warm_up, 8, partial(call, client, contender))
            for number in range(self._size.rounds):
                for contender in contenders:
                    self._said(f"round {number + 1} of {self._size.rounds}: {contender.name}")
                    found[contender.name].append(await self._round(client, contender))
        return [Result(name, tuple(rounds)) for name, rounds in found.items()]

    async def _round(self, client: httpx.AsyncClient, contender: Contender) -> Round:
        size = self._size
        alone, _ = await together(size.alone, 1, lambda: call(client, contender))
        self._done()
        before = seconds_used(self._pids(contender))
        loaded, wall_s = await together(size.loaded, size.at_once, lambda: call(client, contender))
        used = {name: spent - before[name] for name, spent in seconds_used(self._pids(contender)).items()}
        self._done()
        streams, streamed_s = await together(size.streams, size.streams_at_once, lambda: stream(client, contender))
        self._done()
        return Round(
            alone_s=tuple(alone),
            per_s=len(loaded) / wall_s,
            loaded_p50_ms=statistics.median(loaded) * 1000,
            first_ms=_first_ms(streams),
            chunks_per_s=sum(one.chunks for one in streams) / streamed_s,
            memory_mib=self._memory_mib(contender),
            cpu_ms={name: spent * 1000 / len(loaded) for name, spent in used.items()},
        )

    def _pids(self, contender: Contender) -> dict[str, int]:
        return self._ground.pids((*contender.processes, "chunked-model"))

    def _memory_mib(self, contender: Contender) -> float:
        pids = self._ground.pids(contender.processes)
        return sum(_resident(pids[name]) for name in contender.processes) / _MIB


def _first_ms(streams: Sequence[Streamed]) -> float:
    return statistics.median(one.first_s for one in streams) * 1000


def _resident(pid: int) -> int:
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
