"""Tables of a run, and what the goals say: for a terminal, for docs/benchmarks.md, and as JSON."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench import sheets
from bench.figures import Verdict, judged
from bench.sheets import Sheet
from bench.tools.bare import BARE
from bench.tools.measuring import Result, Round
from bench.tools.servers import AT_ONCE
from bench.tools.steps import TOOL, WITHOUT
from bench.tools.way import SLOW_S, Taken, Transport

BEGIN: Final = "<!-- tool figures: written by `make bench` -->"
END: Final = "<!-- end of tool figures -->"
OVERHEAD_MS: Final = 15.0
"""What a tool step's activity may take more than the same activity without a tool, p50."""
TOGETHER_MS: Final = 2 * SLOW_S * 1000
"""Our own bound for 50 slow calls at once: one after the other they would take 25 s."""
ENOUGH: Final = 100
"""Calls from which a 99th percentile is told."""


@dataclass(frozen=True)
class ToolReport:
    """A whole run.

    Attributes:
        load: The machine's load averages when it began and when it had ended.
    """

    command: str
    date: str
    load: tuple[str, str]
    results: tuple[Result, ...]

    def verdicts(self) -> list[Verdict]:
        """Every goal; differences are taken within a round."""
        tool, without, bare = (self._rounds(name) for name in (TOOL, WITHOUT, BARE))
        found = [_more(TOOL, WITHOUT, tool, without), _more(TOOL, BARE, tool, bare)]
        for result in self.results:
            together = [one.slow.wall_s * 1000 for one in result.rounds if one.slow is not None]
            if together and result.way.name != BARE:
                subject = (
                    f"{result.way.name}, {result.way.transport}, {AT_ONCE} calls of {SLOW_S * 1000:.0f} ms at once"
                )
                found.append(judged(subject, "all answered, ms", together, TOGETHER_MS, at_most=True))
        return found

    def sheets(self) -> list[Sheet]:
        """All tables."""
        return [
            _alone(self.results),
            _loaded(self.results),
            sheets.goals(self.verdicts(), "Goals of tool calls"),
        ]

    def show(self, console: Console) -> None:
        """Print the tables."""
        sheets.show(self.sheets(), console)

    def write_json(self, path: Path) -> None:
        """Write what was measured, without each call's time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {"command": self.command, "date": self.date, "load": self.load}
        ways = [_plain(result) for result in self.results]
        goals = [asdict(verdict) | {"says": verdict.says} for verdict in self.verdicts()]
        path.write_text(json.dumps(facts | {"ways": ways, "verdicts": goals}, indent=1, ensure_ascii=False) + "\n")

    def write_into(self, document: Path) -> None:
        """Replace the tool figures of a Markdown document; the words around them are people's."""
        rounds = len(self.results[0].rounds)
        head = (
            f"`{self.command}`, {self.date}, {rounds} rounds. Load averages (`uptime`) before: {self.load[0]}; "
            f"after: {self.load[1]}. p50: the median of the rounds' medians; p99: of all rounds' calls together."
        )
        sheets.write_between(document, BEGIN, END, head, self.sheets())

    def _rounds(self, name: str, transport: Transport = "http") -> tuple[Round, ...]:
        return next(one.rounds for one in self.results if (one.way.name, one.way.transport) == (name, transport))


def _more(ours: str, theirs: str, first: Sequence[Round], second: Sequence[Round]) -> Verdict:
    differences = [a.alone.p50_ms - b.alone.p50_ms for a, b in zip(first, second, strict=True)]
    return judged(f"{ours} / {theirs}", "p50, ms more", differences, OVERHEAD_MS, at_most=True)


def _alone(results: Sequence[Result]) -> Sheet:
    rows = tuple(
        (result.way.name, result.way.transport, *_times([one.alone for one in result.rounds])) for result in results
    )
    return Sheet("A tool call, one at a time", ("what", "over", "p50 ms", "range", "p99 ms", "CPU ms", "calls"), rows)


def _times(passes: Sequence[Taken]) -> tuple[str, ...]:
    every = [second for one in passes for second in one.seconds]
    times = _range([one.p50_ms for one in passes], "{:.1f}")
    return *times, _p99(every), _cpu(passes), str(len(every))


def _cpu(passes: Sequence[Taken]) -> str:
    return f"{statistics.median(one.cpu_ms for one in passes):.1f}"


def _loaded(results: Sequence[Result]) -> Sheet:
    columns = (
        "what",
        "over",
        "calls/s",
        "range",
        "p50 ms",
        "p99 ms",
        "CPU ms",
        f"{AT_ONCE} of {SLOW_S * 1000:.0f} ms, all, ms",
    )
    return Sheet(f"{AT_ONCE} calls at once over one server's connection", columns, tuple(_loaded_rows(results)))


def _loaded_rows(results: Sequence[Result]) -> Iterable[tuple[str, ...]]:
    for result in results:
        loaded = _present(result, lambda one: one.loaded)
        slow = _present(result, lambda one: one.slow)
        if not loaded or not slow:
            continue
        every = [second for one in loaded for second in one.seconds]
        rates = _range([one.per_s for one in loaded], "{:.0f}")
        p50 = f"{statistics.median(one.p50_ms for one in loaded):.0f}"
        together = f"{statistics.median(one.wall_s for one in slow) * 1000:.0f}"
        yield result.way.name, result.way.transport, *rates, p50, _p99(every, "{:.0f}"), _cpu(loaded), together


def _present(result: Result, of: Callable[[Round], Taken | None]) -> list[Taken]:
    return [taken for one in result.rounds if (taken := of(one)) is not None]


def _range(values: Sequence[float], shown: str) -> tuple[str, str]:
    low, high = shown.format(min(values)), shown.format(max(values))
    return shown.format(statistics.median(values)), f"{low} to {high}"


def _p99(seconds: Sequence[float], shown: str = "{:.1f}") -> str:
    if len(seconds) < ENOUGH:
        return "-"
    return shown.format(sorted(seconds)[int(len(seconds) * 0.99)] * 1000)


def _plain(result: Result) -> dict[str, Any]:
    rounds = [
        {
            "p50_ms": one.alone.p50_ms,
            "cpu_ms": one.alone.cpu_ms,
            "calls": len(one.alone.seconds),
            "loaded_per_s": one.loaded and one.loaded.per_s,
            "loaded_cpu_ms": one.loaded and one.loaded.cpu_ms,
            "loaded_p50_ms": one.loaded and one.loaded.p50_ms,
            "slow_together_ms": one.slow and one.slow.wall_s * 1000,
        }
        for one in result.rounds
    ]
    return {"name": result.way.name, "transport": result.way.transport, "rounds": rounds}
