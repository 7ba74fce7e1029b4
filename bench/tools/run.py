"""The part of `make bench` about tool calls: measured on the ground of the others, with tables of its own."""

import os
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.ground import Ground
from bench.tools.lineup import ways
from bench.tools.measuring import Size, measure
from bench.tools.report import ToolReport
from runtime.settings import Settings


async def tool_report(ground: Ground, settings: Settings, size: Size, command: str, console: Console) -> ToolReport:
    """Measure tool calls."""
    columns = (TextColumn("{task.description:64}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    async with ways(ground, settings) as lineup:
        before = _load()
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=size.passes(lineup))
            results = await measure(
                lineup,
                size,
                lambda text: progress.update(task, description=text),
                lambda: progress.advance(task),
            )
    date = datetime.now(UTC).date().isoformat()
    return ToolReport(command, date, (before, _load()), tuple(results))


def _load() -> str:
    return ", ".join(f"{one:.2f}" for one in os.getloadavg())
