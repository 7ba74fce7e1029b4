"""The part of `make bench` about the gateway: measured on the ground of the others, with tables of its own."""

import os
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.gateway.contenders import start
from bench.gateway.measuring import Run, Size
from bench.gateway.report import GatewayReport
from bench.ground import Ground


async def gateway_report(ground: Ground, size: Size, command: str, console: Console) -> GatewayReport:
    """Measure the gateway."""
    columns = (TextColumn("{task.description:64}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    contenders = await start(ground)
    before = _load()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=size.passes(len(contenders)))
        run = Run(ground, size, lambda text: progress.update(task, description=text), lambda: progress.advance(task))
        results = await run.measure(contenders)
    date = datetime.now(UTC).date().isoformat()
    return GatewayReport(command, date, (before, _load()), size, tuple(results))


def _load() -> str:
    return ", ".join(f"{one:.2f}" for one in os.getloadavg())
