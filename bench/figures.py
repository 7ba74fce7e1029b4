"""The figures of a run, and how they compare with the goals."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.contender import ITEMS
from bench.databases import Counts
from bench.histories import Footprint
from bench.passes import Passed


@dataclass(frozen=True)
class Round:
    """One contender in one round: first one request at a time, then many at once.

    Attributes:
        p50_ms: From the start to the result, one at a time; `p95_ms` the same.
        accepted_ms: From the start until it was accepted (202, or Temporal's answer), the median.
        per_s: Requests a second at full load; `loaded_p50_ms` what one took then.
        cpu_ms: Processor time a request at full load, by process.
        others: Cores that the rest of the machine used meanwhile: the noise.
    """

    p50_ms: float
    p95_ms: float
    accepted_ms: float
    per_s: float
    loaded_p50_ms: float
    cpu_ms: Mapping[str, float]
    others: float

    @classmethod
    def of(cls, alone: Passed, loaded: Passed, cpu_s: Mapping[str, float], others_s: float) -> "Round":
        """Sum two passes up."""
        totals = sorted(sample.total_s * 1000 for sample in alone.samples)
        return cls(
            p50_ms=statistics.median(totals),
            p95_ms=totals[min(len(totals) - 1, int(len(totals) * 0.95))],
            accepted_ms=statistics.median(sample.accepted_s for sample in alone.samples) * 1000,
            per_s=loaded.per_s,
            loaded_p50_ms=statistics.median(sample.total_s for sample in loaded.samples) * 1000,
            cpu_ms={name: used * 1000 / len(loaded.samples) for name, used in cpu_s.items()},
            others=others_s / loaded.wall_s,
        )


@dataclass(frozen=True)
class Result:
    """One contender in a whole run. Database counts are of one request; None when they were not taken."""

    name: str
    rounds: tuple[Round, ...]
    footprint: Footprint
    own_database: Counts | None = None
    temporal_database: Counts | None = None

    def median(self, of: Callable[[Round], float]) -> float:
        """The median of a figure over the rounds."""
        return statistics.median(of(one) for one in self.rounds)

    def cpu_ms(self) -> dict[str, float]:
        """Processor time a request by process, the median of each."""
        names = self.rounds[0].cpu_ms
        return {name: statistics.median(one.cpu_ms[name] for one in self.rounds) for name in names}


@dataclass(frozen=True)
class Verdict:
    """A figure against its goal: the median of the rounds, the lowest and the highest of them."""

    subject: str
    figure: str
    value: float
    goal: float
    at_most: bool
    low: float
    high: float

    @property
    def says(self) -> str:
        """`met` or `not met` when every round agrees; `unsettled` when they do not: too noisy to tell."""
        if self.low <= self.goal <= self.high and self.low != self.high:
            return "unsettled"
        reached = self.value <= self.goal if self.at_most else self.value >= self.goal
        return "met" if reached else "not met"


def compared(ours: Result, theirs: Result, p50_goal: float, per_s_goal: float) -> list[Verdict]:
    """Latency, throughput and processor time as multiples of another's, round by round, as rounds are pairs.

    No goal is set for processor time; it is what a throughput goal comes to when processors are the limit, and other
    people's work on the machine disturbs it least.
    """
    subject = f"{ours.name} / {theirs.name}"

    def ratio(figure: str, goal: float, of: Callable[[Round], float], *, at_most: bool) -> Verdict:
        ratios = [of(a) / of(b) for a, b in zip(ours.rounds, theirs.rounds, strict=True)]
        return judged(subject, figure, ratios, goal, at_most=at_most)

    return [
        ratio("p50, times theirs", p50_goal, lambda one: one.p50_ms, at_most=True),
        ratio("requests/s, times theirs", per_s_goal, lambda one: one.per_s, at_most=False),
        ratio("processor time, times theirs", 1 / per_s_goal, lambda one: sum(one.cpu_ms.values()), at_most=True),
    ]


def bounds(ours: Result) -> list[Verdict]:
    """What is bounded by itself: acceptance, and the parent's history for each step of the plan."""
    steps = len(ITEMS)
    accepted = [one.accepted_ms for one in ours.rounds]
    return [
        judged(ours.name, "start to 202, p50 ms", accepted, 40, at_most=True),
        judged(ours.name, "history events a step", [ours.footprint.events / steps], 12, at_most=True),
        judged(ours.name, "history KiB a step", [ours.footprint.bytes / 1024 / steps], 4, at_most=True),
    ]


def judged(subject: str, figure: str, values: Sequence[float], goal: float, *, at_most: bool) -> Verdict:
    """A figure of every round against its goal."""
    return Verdict(subject, figure, statistics.median(values), goal, at_most, min(values), max(values))


def by_name(results: Sequence[Result]) -> dict[str, Result]:
    """The results by their contenders' names."""
    return {result.name: result for result in results}
