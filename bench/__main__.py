"""`python -m bench`: measure our requests against the hand-written program, print tables, write docs/benchmarks.md."""

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import lineup, machine, plot
from bench.contender import Contender
from bench.gateway import measuring as gateway_measuring
from bench.gateway.report import GatewayReport
from bench.gateway.run import gateway_report
from bench.ground import Ground, ground
from bench.measuring import FULL, QUICK, Run, Size
from bench.report import Report
from bench.tools import measuring as tool_measuring
from bench.tools.report import ToolReport
from bench.tools.run import tool_report
from runtime import clean_exit
from runtime.local.errors import LocalError
from runtime.local.progress import Teller
from runtime.local.signals import run_until_signalled
from runtime.settings import PROJECT_ROOT, Settings, load

DOCUMENT: Final = PROJECT_ROOT / "docs" / "benchmarks.md"
JSON: Final = PROJECT_ROOT / "docs" / "evidence" / "benchmarks.json"
GATEWAY_JSON: Final = PROJECT_ROOT / "docs" / "evidence" / "benchmarks-gateway.json"
TOOL_JSON: Final = PROJECT_ROOT / "docs" / "evidence" / "benchmarks-tools.json"
PICTURE: Final = PROJECT_ROOT / "docs" / "img" / "benchmarks.png"
CONNECTIONS: Final = httpx.Limits(max_connections=64, max_keepalive_connections=64)

TOOLS: Final = "tools"
"""What `--only` is for the part about tool calls alone."""
GATEWAY: Final = "gateway"
"""What `--only` is for the part about the gateway alone."""

WIDTH: Final = 190
"""Columns for a table that goes to a file."""


async def bench(options: argparse.Namespace, console: Console) -> int:
    """Run it; answers the exit code."""
    teller = Teller(console)
    settings = load()
    report, tools, gateway = None, None, None
    try:
        async with ground(settings, teller) as where, _http() as http:
            if options.only not in (TOOLS, GATEWAY):
                report = await _report(where, _size(options), http, console, options)
            if options.only in ("", TOOLS):
                tools = await _tool_report(where, settings, console, options)
            if options.only in ("", GATEWAY):
                gateway = await _gateway_report(where, console, options)
    except LocalError as failure:
        teller.say(f"{failure}\nThe benchmarks need Go once, to build a Temporal server; or set TEMPORAL_ADDRESS.")
        return 1
    _publish(report, tools, options)
    if gateway is not None:
        _publish_gateway(gateway, options)
    return 0


def _size(options: argparse.Namespace) -> Size:
    return replace(QUICK if options.quick else FULL, **({"rounds": options.rounds} if options.rounds else {}))


def _publish(report: Report | None, tools: ToolReport | None, options: argparse.Namespace) -> None:
    """Print the tables, and write those of a whole run."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if report is not None:
        report.show(console)
        if not (options.quick or options.only):
            report.write_json(JSON)
            plot.draw(report.results, PICTURE)
            report.write_into(DOCUMENT)
    if tools is not None:
        tools.show(console)
        if not options.quick:
            tools.write_json(TOOL_JSON)
            tools.write_into(DOCUMENT)


def _publish_gateway(gateway: GatewayReport, options: argparse.Namespace) -> None:
    gateway.show(Console(width=None if sys.stdout.isatty() else WIDTH))
    if not options.quick:
        gateway.write_json(GATEWAY_JSON)
        gateway.write_into(DOCUMENT)


def _http() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=60, limits=CONNECTIONS)


async def _report(
    where: Ground, size: Size, http: httpx.AsyncClient, console: Console, options: argparse.Namespace
) -> Report:
    about = await machine.describe(where)
    contenders = await _contenders(where, http, options.only)
    columns = (TextColumn("{task.description:64}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=size.requests(len(contenders)))
        run = Run(where, size, lambda text: progress.update(task, description=text), lambda: progress.advance(task))
        results = await run.measure(contenders)
    date = datetime.now(UTC).date().isoformat()
    return Report("make bench", date, about, size, tuple(sorted(results, key=lambda result: result.name)))


async def _tool_report(where: Ground, settings: Settings, console: Console, options: argparse.Namespace) -> ToolReport:
    size = tool_measuring.QUICK if options.quick else tool_measuring.FULL
    size = replace(size, rounds=options.rounds or size.rounds)
    command = f'make bench ARGS="--only {TOOLS}"' if options.only else "make bench"
    return await tool_report(where, settings, size, command, console)


async def _gateway_report(where: Ground, console: Console, options: argparse.Namespace) -> GatewayReport:
    size = gateway_measuring.QUICK if options.quick else gateway_measuring.FULL
    size = replace(size, rounds=options.rounds or size.rounds)
    command = f'make bench ARGS="--only {GATEWAY}"' if options.only else "make bench"
    return await gateway_report(where, size, command, console)


async def _contenders(where: Ground, http: httpx.AsyncClient, only: str) -> list[Contender]:
    """Start all; those that the goals compare stand next to each other, so that they meet the same noise."""
    (first, second, *others) = await lineup.hand_written(where)
    together, apart = [
        [await lineup.longhaul(where, layout, placement, http) for placement in lineup.PLACEMENTS]
        for layout in lineup.LAYOUTS
    ]
    found = [first, *together, second, *apart, *others]
    return [contender for contender in found if only in contender.name]


def main() -> int:
    """Measure by the command line's options."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small counts, one round, nothing written: a smoke test")
    parser.add_argument("--rounds", type=int, default=0, help="how often everything is measured (4)")
    parser.add_argument(
        "--only", default="", help="programs whose name has this in it, and writes nothing; or `tools` or `gateway`"
    )
    options = parser.parse_args()
    return clean_exit.run(run_until_signalled(bench(options, Console(stderr=True, highlight=False))))


if __name__ == "__main__":
    sys.exit(main())
