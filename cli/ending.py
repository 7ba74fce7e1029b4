"""The last words about a request: its answer, its cost, and where to go from here."""

from typing import Any

from rich.console import Console
from rich.markup import escape

from cli.place import Place
from domain.progress import dollars
from domain.request import Phase

_HEADER = '-H "Authorization: Bearer $LONGHAUL_API_KEY"'
SIMULATED = "simulated answer: made by rules, not by a model"


def show_ending(console: Console, request: dict[str, Any]) -> None:
    """Print the answer, labelled when it is simulated, and the cost; or why there is none."""
    outcome: dict[str, Any] = request["outcome"] or {}
    label = f" [yellow]({SIMULATED})[/]" if request["simulated"] else ""
    if request["phase"] != Phase.DONE.value:
        why = outcome.get("detail") or outcome.get("reason") or "no reason given"
        console.print(f"\n[red]{request['phase']}[/]: {escape(str(why))}")
    if request["answer"] is not None:
        partial = " [yellow](partial: not every step has a result)[/]" if outcome.get("partial") else ""
        console.print(f"\n[bold]Answer[/]{label}{partial}")
        console.print(escape(request["answer"]), highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Cost[/] {dollars(request['cost_micros'])}")


def show_addresses(console: Console, place: Place, request: dict[str, Any]) -> None:
    """Print where the API and Temporal Web are, and commands ready to paste."""
    web = request["links"].get("temporal_web")
    commands = [
        ("API docs", f"{place.api}/docs"),
        *([("Temporal Web", web)] if web else []),
        ("Ask again", _curl(place)),
        ("Watch it", f"curl -N {_HEADER} {place.api}{request['links']['events']}"),
        ("Status", f"{place.temporal('query')} --type status --workflow-id {request['id']}"),
        ("Amend", _update(place, request, "amend", _amendment(request))),
        ("Cancel", _update(place, request, "cancel", '{"reason": "no longer needed"}')),
    ]
    console.print()
    for name, command in commands:
        console.print(f"[bold]{name:13}[/]{escape(command)}", highlight=False, soft_wrap=True)
    if Phase(request["phase"]).is_end:
        note = "Amend and cancel take a request that still runs: put its id in place of this one."
        console.print(f"[dim]{note}[/]", highlight=False, soft_wrap=True)


def _curl(place: Place) -> str:
    body = '{"message": "Name three rivers. Then say which is longest."}'
    return f"curl -s {_HEADER} {place.api}/v1/requests -H 'Content-Type: application/json' -d '{body}'"


def _amendment(request: dict[str, Any]) -> str:
    edit = '{"op": "add", "step": {"id": "extra", "prompt": "Add a title"}}'
    return f'{{"expected_version": {max(request["plan_version"], 1)}, "edits": [{edit}]}}'


def _update(place: Place, request: dict[str, Any], name: str, body: str) -> str:
    return f"{place.temporal('update execute')} --workflow-id {request['id']} --name {name} --input '{body}'"
