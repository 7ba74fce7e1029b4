"""Reading requests and plans."""

import argparse
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.approvals import approval_text
from cli.commands.session import Session
from cli.ending import show_ending
from domain.progress import dollars


def show(session: Session, arguments: argparse.Namespace) -> int:
    """Show a request as it stands."""
    request = session.api.get(f"/v1/requests/{arguments.request_id}")
    if arguments.json:
        session.console.print_json(data=request)
        return 0
    paused = " (paused)" if request["paused"] else ""
    session.console.print(f"[bold]{request['id']}[/] {request['phase']}{paused}", highlight=False)
    for question in request["questions"]:
        session.console.print(escape(f"question {question['id']}: {question['text']}"), highlight=False)
    for approval in request["approvals"]:
        session.console.print(escape(approval_text(approval)), highlight=False)
    if request["outcome"] is not None:
        show_ending(session.console, request)
    return 0


def list_requests(session: Session, arguments: argparse.Namespace) -> int:
    """List the newest requests."""
    page = session.api.get("/v1/requests", phase=arguments.phase, limit=arguments.limit)
    table = Table("request", "phase", "cost", "message")
    for item in page["requests"]:
        message = " ".join(item["message"]["text"].split())[:60]
        table.add_row(item["id"], item["phase"], dollars(item["cost_micros"]), escape(message))
    session.console.print(table)
    return 0


def plan(session: Session, arguments: argparse.Namespace) -> int:
    """Show a plan, its newest version by default."""
    document = session.api.get(f"/v1/requests/{arguments.request_id}/plan", version=arguments.version)
    if arguments.json:
        session.console.print_json(data=document)
        return 0
    reason = f" ({document['reason']})" if document["reason"] else ""
    table = Table("step", "kind", "what", "after", "status", "cost", title=f"version {document['version']}{reason}")
    for step in document["steps"]:
        table.add_row(*_row(step))
    session.console.print(table)
    return 0


def _row(step: dict[str, Any]) -> tuple[str, ...]:
    prompt = " ".join(step["prompt"]["text"].split())[:60]
    after = ", ".join(step["depends_on"]) or "-"
    status = f"{step['status']} ({step['note']})" if step["note"] else step["status"]
    return step["id"], step["kind"], escape(prompt), after, escape(status), dollars(step["cost_micros"])


def costs(session: Session, arguments: argparse.Namespace) -> int:
    """Show what a request has cost, by what the calls were for."""
    document = session.api.get(f"/v1/requests/{arguments.request_id}/costs")
    table = Table("for", "cost", title=f"total {dollars(document['total_micros'])}")
    for slot, micros in document["by_slot"].items():
        table.add_row(slot, dollars(micros))
    session.console.print(table)
    return 0
