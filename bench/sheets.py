"""Tables as text: for a terminal, and between two marks of a Markdown document whose other words are people's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Verdict


@dataclass(frozen=True)
class Sheet:
    """A table as text: a title, its columns and rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def goals(verdicts: Sequence[Verdict], title: str = "Goals") -> Sheet:
    """The verdicts as a table."""
    rows = tuple(
        (
            verdict.subject,
            verdict.figure,
            f"{'≤' if verdict.at_most else '≥'} {verdict.goal:g}",
            f"{verdict.value:.2f}",
            "" if verdict.low == verdict.high else f"{verdict.low:.2f} to {verdict.high:.2f}",
            verdict.says,
        )
        for verdict in verdicts
    )
    return Sheet(title, ("what", "figure", "goal", "measured", "range", ""), rows)


def show(sheets: Sequence[Sheet], console: Console) -> None:
    """Print tables."""
    for sheet in sheets:
        table = Table(title=sheet.title, title_justify="left")
        for number, column in enumerate(sheet.columns):
            table.add_column(column, justify="left" if number == 0 else "right")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)


def write_between(document: Path, begin: str, end: str, head: str, sheets: Sequence[Sheet]) -> None:
    """Replace what stands between two marks of a document by a line and the tables."""
    before, _, rest = document.read_text().partition(begin)
    _, _, after = rest.partition(end)
    body = "\n".join(_markdown(sheet) for sheet in sheets)
    document.write_text(f"{before}{begin}\n{head}\n\n{body}{end}{after}")


def _markdown(sheet: Sheet) -> str:
    lines = [f"### {sheet.title}", "", _line(sheet.columns)]
    lines.append(_line(["---"] + ["---:"] * (len(sheet.columns) - 1)))
    return "\n".join([*lines, *map(_line, sheet.rows)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
