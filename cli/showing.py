"""Showing a request: a live table on a terminal, plain lines anywhere else."""

from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from cli.api import Event
from cli.board import Board, StepRow
from domain.progress import dollars
from domain.step import StepStatus

_COLOURS = {
    StepStatus.RUNNING.value: "yellow",
    StepStatus.WAITING.value: "magenta",
    StepStatus.SUCCEEDED.value: "green",
    StepStatus.ACCEPTED.value: "cyan",
    StepStatus.FAILED.value: "red",
    StepStatus.SKIPPED.value: "dim",
    StepStatus.CANCELLED.value: "dim",
}
_PROMPT_SHOWN = 60


def follow(console: Console, board: Board, events: Iterable[Event]) -> None:
    """Show a request until its events end."""
    if console.is_terminal:
        _live(console, board, events)
    else:
        _lines(console, board, events)


def _live(console: Console, board: Board, events: Iterable[Event]) -> None:
    with Live(table_of(board), console=console, refresh_per_second=10) as live:
        for event in events:
            board.take(event)
            for notice in board.take_notices():
                live.console.print(escape(notice))
            live.update(table_of(board))


def _lines(console: Console, board: Board, events: Iterable[Event]) -> None:
    shown: dict[str, str] = {}
    for event in events:
        board.take(event)
        news = {row.id: _line(row) for row in board.steps.values() if row.round or row.status != "pending"}
        lines = [*board.take_notices(), *(line for name, line in news.items() if shown.get(name) != line)]
        phase = f"{board.phase}{' (paused)' if board.paused else ''}"
        if shown.get("@") != phase:
            lines.insert(0, phase)
        shown = {**shown, **news, "@": phase}
        for line in lines:
            console.print(escape(line), highlight=False, soft_wrap=True)


def _line(row: StepRow) -> str:
    again = f", round {row.round}" if row.round > 1 else ""
    note = f" ({row.note})" if row.note else ""
    return f"  {row.id}: {row.status}{again} - {_cut(row.prompt)}{note}"


def table_of(board: Board) -> Table:
    """Return the plan as a table."""
    paused = ", paused" if board.paused else ""
    title = f"{board.phase}{paused} · plan version {board.version} · {dollars(board.cost_micros)}"
    table = Table(title=title, title_justify="left", expand=False)
    for heading in ("step", "what", "after", "status", "round", "cost"):
        table.add_column(heading, overflow="fold")
    for row in board.steps.values():
        colour = _COLOURS.get(row.status, "default")
        status = f"[{colour}]{row.status}[/]" + (f" {escape(_cut(row.note))}" if row.note else "")
        after = ", ".join(row.depends_on) or "-"
        rounds = str(row.round or "-")
        table.add_row(row.id, escape(_cut(row.prompt)), after, status, rounds, dollars(row.cost_micros))
    return table


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _PROMPT_SHOWN else f"{line[: _PROMPT_SHOWN - 1]}…"
