"""Tables of a run, and who is ahead: for a terminal, for docs/benchmarks.md, and as JSON."""

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import sheets
from bench.figures import Verdict, judged
from bench.gateway.contenders import DIRECT, OURS, THEIRS
from bench.gateway.measuring import Result, Round, Size
from bench.sheets import Sheet

BEGIN: Final = "<!-- gateway figures: written by `make bench` -->"
END: Final = "<!-- end of gateway figures -->"


@dataclass(frozen=True)
class GatewayReport:
    """A whole run.

    Attributes:
        load: The machine's load averages when it began and when it had ended.
    """

    command: str
    date: str
    load: tuple[str, str]
    size: Size
    results: tuple[Result, ...]

    def verdicts(self) -> list[Verdict]:
        """Whether we are ahead of LiteLLM in every row: ratios within a round."""
        ours, theirs, direct = (self._rounds(name) for name in (OURS, THEIRS, DIRECT))
        added = [
            (_added(one, plain, _middle), _added(other, plain, _middle))
            for one, other, plain in zip(ours, theirs, direct, strict=True)
        ]
        tail = [
            (_added(one, plain, _p99), _added(other, plain, _p99))
            for one, other, plain in zip(ours, theirs, direct, strict=True)
        ]
        pairs = list(zip(ours, theirs, strict=True))
        subject = f"{OURS} / {THEIRS}"

        def ratio(figure: str, values: list[tuple[float, float]], *, at_most: bool) -> Verdict:
            return judged(subject, figure, [a / max(b, 1e-9) for a, b in values], 1.0, at_most=at_most)

        return [
            ratio("added p50 at 1, times theirs", added, at_most=True),
            ratio("added p99 at 1, times theirs", tail, at_most=True),
            ratio("calls/s at 32, times theirs", [(a.per_s, b.per_s) for a, b in pairs], at_most=False),
            ratio("first text of 16 streams, times theirs", [(a.first_ms, b.first_ms) for a, b in pairs], at_most=True),
            ratio("chunks/s, times theirs", [(a.chunks_per_s, b.chunks_per_s) for a, b in pairs], at_most=False),
            ratio("memory, times theirs", [(a.memory_mib, b.memory_mib) for a, b in pairs], at_most=True),
        ]

    def sheets(self) -> list[Sheet]:
        """All tables."""
        return [self._table(), self._processors(), sheets.goals(self.verdicts(), "Goals of the gateway")]

    def show(self, console: Console) -> None:
        """Print the tables."""
        sheets.show(self.sheets(), console)

    def write_json(self, path: Path) -> None:
        """Write what was measured, without each call's time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = {"command": self.command, "date": self.date, "load": self.load, "size": asdict(self.size)}
        contenders = [
            {"name": result.name, "rounds": [_plain(one) for one in result.rounds]} for result in self.results
        ]
        goals = [asdict(verdict) | {"says": verdict.says} for verdict in self.verdicts()]
        path.write_text(json.dumps(facts | {"contenders": contenders, "verdicts": goals}, indent=1) + "\n")

    def write_into(self, document: Path) -> None:
        """Replace the gateway's figures of a Markdown document; the words around them are people's."""
        size = self.size
        head = (
            f"`{self.command}`, {self.date}, {size.rounds} rounds; in each {size.alone} calls one at a time, "
            f"{size.loaded} calls {size.at_once} at once, {size.streams} streams {size.streams_at_once} at once. Load "
            f"averages (`uptime`) before: {self.load[0]}; after: {self.load[1]}. Medians of the rounds."
        )
        sheets.write_between(document, BEGIN, END, head, self.sheets())

    def _rounds(self, name: str) -> tuple[Round, ...]:
        return next(result.rounds for result in self.results if result.name == name)

    def _table(self) -> Sheet:
        direct = self._rounds(DIRECT)
        columns = (
            "gateway",
            "p50 ms",
            "added p50",
            "added p99",
            "calls/s at 32",
            "their p50 ms",
            "first text ms",
            "chunks/s",
            "memory MiB",
        )
        rows = tuple(_row(result, direct) for result in self.results)
        return Sheet("The same calls direct, through us, and through LiteLLM", columns, rows)

    def _processors(self) -> Sheet:
        names = sorted({name for result in self.results for one in result.rounds for name in one.cpu_ms})
        rows = tuple(
            (
                result.name,
                *(f"{statistics.median(one.cpu_ms.get(name, 0.0) for one in result.rounds):.1f}" for name in names),
            )
            for result in self.results
        )
        return Sheet("Processor time of a call at 32, ms", ("gateway", *names), rows)


def _row(result: Result, direct: tuple[Round, ...]) -> tuple[str, ...]:
    rounds = result.rounds
    added = [_added(one, plain, _middle) for one, plain in zip(rounds, direct, strict=True)]
    tail = [_added(one, plain, _p99) for one, plain in zip(rounds, direct, strict=True)]
    figures = (
        [one.p50_ms for one in rounds],
        added,
        tail,
        [one.per_s for one in rounds],
        [one.loaded_p50_ms for one in rounds],
        [one.first_ms for one in rounds],
        [one.chunks_per_s for one in rounds],
        [one.memory_mib for one in rounds],
    )
    return (result.name, *(f"{statistics.median(values):,.1f}" for values in figures))


def _added(one: Round, direct: Round, figure: Callable[[Round], float]) -> float:
    return figure(one) - figure(direct)


def _middle(one: Round) -> float:
    return one.p50_ms


def _p99(one: Round) -> float:
    ordered = sorted(one.alone_s)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000


def _plain(one: Round) -> dict[str, object]:
    facts = {key: value for key, value in asdict(one).items() if key != "alone_s"}
    return {"p50_ms": one.p50_ms, "p99_ms": _p99(one), **facts}
