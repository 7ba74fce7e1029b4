"""Tables of a run: for a terminal, for docs/benchmarks.md, and as JSON."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import sheets
from bench.databases import Counts
from bench.figures import Result, Verdict, bounds, by_name, compared
from bench.lineup import LAYOUTS, MODELS, PLACEMENTS, hand_name, our_name
from bench.measuring import Size
from bench.sheets import Sheet
from domain.placement import Placement

BEGIN: Final = "<!-- figures: written by `make bench` -->"
END: Final = "<!-- end of figures -->"
GOALS: Final = {Placement.CHILD: (0.8, 1.3), Placement.AUTO: (0.4, 2.5)}
"""For each placement: p50 at most, and requests a second at least, as multiples of the hand-written children."""
_SHARED: Final = ("temporal", "postgres", "simulator")


@dataclass(frozen=True)
class Report:
    """A whole run."""

    command: str
    date: str
    machine: dict[str, str]
    size: Size
    results: tuple[Result, ...]

    def verdicts(self) -> list[Verdict]:
        """Every goal, against the hand-written program that calls the model and against the one that does not."""
        found: list[Verdict] = []
        named = by_name(self.results)
        for placement, layout in itertools.product(PLACEMENTS, LAYOUTS):
            ours = named.get(our_name(placement, layout))
            if ours is None:
                continue
            theirs = [named[name] for model in MODELS if (name := hand_name("children", model)) in named]
            for other in theirs:
                found += compared(ours, other, *GOALS[placement])
            found += bounds(ours)
        return found

    def sheets(self) -> list[Sheet]:
        """All tables."""
        return [
            Sheet("Machine and versions", ("what", "is"), tuple(self.machine.items())),
            _speed(self.results, self.size),
            _cost(self.results),
            _history(self.results),
            sheets.goals(self.verdicts()),
        ]

    def show(self, console: Console) -> None:
        """Print the tables."""
        sheets.show(self.sheets(), console)

    def write_json(self, path: Path) -> None:
        """Write everything that was measured."""
        path.parent.mkdir(parents=True, exist_ok=True)
        verdicts = [asdict(verdict) | {"says": verdict.says} for verdict in self.verdicts()]
        path.write_text(json.dumps(asdict(self) | {"verdicts": verdicts}, indent=1, ensure_ascii=False) + "\n")

    def write_into(self, document: Path) -> None:
        """Replace the figures between the marks of a Markdown document; the words around them are people's."""
        head = f"`{self.command}`, {self.date}, {_amount(self.size)}"
        sheets.write_between(document, BEGIN, END, head, self.sheets())


def _amount(size: Size) -> str:
    return (
        f"{size.rounds} rounds; in each {size.alone} requests one at a time, then {size.loaded} requests "
        f"{size.at_once} at once. Medians of the rounds."
    )


def _speed(results: Sequence[Result], size: Size) -> Sheet:
    rows = tuple(
        (
            one.name,
            f"{one.median(lambda r: r.p50_ms):.0f}",
            f"{one.median(lambda r: r.p95_ms):.0f}",
            f"{one.median(lambda r: r.accepted_ms):.1f}",
            f"{one.median(lambda r: r.per_s):.1f}",
            f"{min(r.per_s for r in one.rounds):.1f} to {max(r.per_s for r in one.rounds):.1f}",
            f"{one.median(lambda r: r.loaded_p50_ms):.0f}",
            f"{one.median(lambda r: r.others):.2f}",
        )
        for one in results
    )
    columns = (
        "program",
        "p50 ms",
        "p95 ms",
        "accepted ms",
        "requests/s",
        "range",
        f"p50 ms at {size.at_once}",
        "cores of others",
    )
    return Sheet("Latency and throughput", columns, rows)


def _cost(results: Sequence[Result]) -> Sheet:
    columns = ("program", "its own", *_SHARED, "all", "rows / commits, own", "rows / commits, Temporal's")
    return Sheet("Processor time a request at full load (ms), and what a request writes", columns, _cost_rows(results))


def _cost_rows(results: Sequence[Result]) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = []
    for one in results:
        used = one.cpu_ms()
        own = sum(ms for name, ms in used.items() if name not in _SHARED)
        shared = [f"{used[name]:.0f}" if name in used else "-" for name in _SHARED]
        written = (_written(one.own_database), _written(one.temporal_database))
        rows.append((one.name, f"{own:.0f}", *shared, f"{sum(used.values()):.0f}", *written))
    return tuple(rows)


def _written(counts: Counts | None) -> str:
    return "-" if counts is None else f"{counts.rows:.0f} / {counts.commits:.0f}"


def _history(results: Sequence[Result]) -> Sheet:
    rows = tuple(
        (
            one.name,
            f"{one.footprint.events:.0f}",
            f"{one.footprint.bytes / 1024:.1f}",
            f"{one.footprint.workflows:.0f}",
            f"{one.footprint.all_events:.0f}",
            f"{one.footprint.all_bytes / 1024:.1f}",
            f"{one.footprint.workflow_tasks:.0f}",
            f"{one.footprint.transitions:.0f}",
        )
        for one in results
    )
    columns = ("program", "events", "KiB", "workflows", "events, all", "KiB, all", "workflow tasks", "transitions")
    return Sheet("What a request leaves in Temporal: the parent's history, then all its workflows", columns, rows)
