"""Submitting a request and watching it to its end."""

import argparse
from typing import Any, Final

from cli.board import Board
from cli.commands.session import Session
from cli.ending import show_addresses, show_ending
from cli.errors import FAILED
from cli.showing import follow
from domain.request import Phase

EXAMPLE: Final = (
    "Write a haiku about rain. Write a limerick about snow. Name three words for wind. "
    "Then compare the poems and the words."
)
"""The first request of `make run`: three parts side by side, and one that needs them."""

_OPTIONS: Final = ("model", "priority", "budget_micros", "deadline_s", "approval", "language", "tool_approval")


def first_request(session: Session, arguments: argparse.Namespace) -> int:
    """Submit a request, show it to its end, and show what else can be done with it."""
    request_id = _submit(session, {"message": arguments.message})
    code = _watch(session, request_id)
    show_addresses(session.console, session.place, session.api.get(f"/v1/requests/{request_id}"))
    return code


def request(session: Session, arguments: argparse.Namespace) -> int:
    """Submit a request; watch it unless told not to."""
    options = {name: getattr(arguments, name) for name in _OPTIONS if getattr(arguments, name) is not None}
    body: dict[str, Any] = {"message": arguments.message, "options": options}
    if arguments.conversation:
        body["conversation_id"] = arguments.conversation
    if arguments.user:
        body["user_id"] = arguments.user
    request_id = _submit(session, body, arguments.key)
    return 0 if arguments.no_wait else _watch(session, request_id)


def watch(session: Session, arguments: argparse.Namespace) -> int:
    """Show a request from its first event to its end."""
    return _watch(session, arguments.request_id)


def _submit(session: Session, body: dict[str, Any], key: str | None = None) -> str:
    accepted = session.api.post("/v1/requests", body, key)
    session.console.print(f"[bold]Request[/] {accepted['id']}", highlight=False)
    return str(accepted["id"])


def _watch(session: Session, request_id: str) -> int:
    follow(session.console, Board(request_id), session.api.events(request_id))
    ended = session.api.get(f"/v1/requests/{request_id}")
    show_ending(session.console, ended)
    return 0 if ended["phase"] == Phase.DONE.value else FAILED
