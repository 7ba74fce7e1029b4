"""A way to make one tool call, or the work around it, that is timed."""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Transport = Literal["http", "stdio"]
Kind = Literal["call", "activity", "request"]
Call = Callable[[], Awaitable[None]]
Timed = Callable[[], Awaitable[float]]

TEXT: Final = "Describe how rain forms over the sea"
"""What the tool `echo` is given and gives back."""
SLOW_S: Final = 0.5
SLOW: Final[dict[str, Any]] = {"seconds": SLOW_S, "steps": 1}
"""What the tool `slow` is given: one answer after so long."""


async def _nothing(_count: int) -> None:
    return None


@dataclass(frozen=True)
class Way:
    """A way.

    Attributes:
        name: Unique with its transport.
        once: Makes one call and returns the seconds that count.
        slow: Makes one call that takes SLOW_S at the server; None: not measured at full load.
        kind: How much of it one time is.
        prepare: Makes ready for so many calls; its time does not count.
    """

    name: str
    transport: Transport
    once: Timed = field(compare=False)
    slow: Timed | None = field(default=None, compare=False)
    kind: Kind = "call"
    prepare: Callable[[int], Awaitable[None]] = field(default=_nothing, compare=False)


@dataclass(frozen=True)
class Taken:
    """What the calls of one pass took, in seconds, and the pass itself; `cpu_s`: processor time of this process."""

    seconds: tuple[float, ...]
    wall_s: float
    cpu_s: float = 0.0

    @property
    def p50_ms(self) -> float:
        """The median."""
        return statistics.median(self.seconds) * 1000

    @property
    def per_s(self) -> float:
        """Calls a second."""
        return len(self.seconds) / self.wall_s

    @property
    def cpu_ms(self) -> float:
        """Processor time of this process for one call."""
        return self.cpu_s * 1000 / len(self.seconds)


def together(passes: Sequence[Taken]) -> Taken:
    """Passes as one."""
    seconds = tuple(second for one in passes for second in one.seconds)
    return Taken(seconds, sum(one.wall_s for one in passes), sum(one.cpu_s for one in passes))


def timed(call: Call) -> Timed:
    """The call, which returns the seconds it took."""

    async def once() -> float:
        began = time.perf_counter()
        await call()
        return time.perf_counter() - began

    return once
