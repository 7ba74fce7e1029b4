"""Steering a running request: amend, approve, reply, pause, resume, cancel; and forking one."""

import argparse
import json
from typing import Any

from cli.commands.session import Session
from cli.errors import USAGE, CommandError


def amend(session: Session, arguments: argparse.Namespace) -> int:
    """Patch the plan; without --expected-version the newest one is meant."""
    version = arguments.expected_version
    if version is None:
        version = session.api.get(f"/v1/requests/{arguments.request_id}/plan")["version"]
    body = {"expected_version": version, "edits": _edits(arguments.edit), "reason": arguments.reason}
    answer = _send(session, arguments, "amend", body)
    for what in ("kept", "cancelled", "rerun"):
        session.console.print(f"{what:10}{', '.join(answer[what]) or '-'}", highlight=False)
    session.console.print(f"the plan has version {answer['version']} now", highlight=False)
    return 0


def approve(session: Session, arguments: argparse.Namespace) -> int:
    """Decide an approval."""
    decision = "deny" if arguments.deny else "approve"
    body = {"approval_id": arguments.approval_id, "decision": decision, "remember": arguments.remember}
    return _done(session, arguments, "approve", body)


def reply(session: Session, arguments: argparse.Namespace) -> int:
    """Answer a question."""
    return _done(session, arguments, "reply", {"question_id": arguments.question_id, "text": arguments.text})


def pause(session: Session, arguments: argparse.Namespace) -> int:
    """Start no further step."""
    return _done(session, arguments, "pause", {})


def resume(session: Session, arguments: argparse.Namespace) -> int:
    """Go on after a pause."""
    return _done(session, arguments, "resume", {})


def cancel(session: Session, arguments: argparse.Namespace) -> int:
    """Cancel the request."""
    return _done(session, arguments, "cancel", {"reason": arguments.reason})


def cancel_step(session: Session, arguments: argparse.Namespace) -> int:
    """Cancel one step."""
    return _done(session, arguments, f"steps/{arguments.step_id}/cancel", {})


def fork(session: Session, arguments: argparse.Namespace) -> int:
    """Run a request again from a step on."""
    body: dict[str, Any] = {"from_step": arguments.from_step, "edits": _edits(arguments.edit)}
    if arguments.model:
        body["options"] = {"model": arguments.model}
    answer = _send(session, arguments, "fork", body)
    kept, rerun = ", ".join(answer["kept"]) or "-", ", ".join(answer["rerun"])
    session.console.print(f"{answer['id']}\nkept      {kept}\nrun again {rerun}", highlight=False)
    return 0


def _send(session: Session, arguments: argparse.Namespace, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in body.items() if value is not None}
    if arguments.message_id:
        said["message_id"] = arguments.message_id
    return session.api.post(f"/v1/requests/{arguments.request_id}/{verb}", said)


def _done(session: Session, arguments: argparse.Namespace, verb: str, body: dict[str, Any]) -> int:
    answer = _send(session, arguments, verb, body)
    paused = " (paused)" if answer["paused"] else ""
    session.console.print(f"{answer['phase']}{paused}", highlight=False)
    return 0


def _edits(texts: list[str]) -> list[Any]:
    try:
        return [json.loads(text) for text in texts]
    except ValueError:
        raise CommandError('an edit is JSON, such as {"op": "drop", "step_id": "s2"}', USAGE) from None
