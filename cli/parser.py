"""The command line: names, arguments and help."""

import argparse
from typing import Final

from cli.commands import messages, reading, submitting
from cli.commands.session import Command
from domain.request import Phase

_EDIT_HELP: Final = """an edit as JSON, may be given again: {"op": "set_prompt", "step_id": "s1", "prompt": "…"}"""


class Parser:
    """Builds the parser, one method a subject."""

    def __init__(self) -> None:
        """Make the parser whole."""
        self.parser = argparse.ArgumentParser(prog="longhaul", description="Durable LLM work: submit, watch, steer.")
        self.parser.add_argument("--api", help="the API's address; LONGHAUL_API_URL or http://127.0.0.1:8080 if absent")
        self._commands = self.parser.add_subparsers(required=True, metavar="command")
        self._add_submitting()
        self._add_reading()
        self._add_plan_changes()
        self._add_messages()

    def _add(self, name: str, run: Command, *, request: bool = True) -> argparse.ArgumentParser:
        command = self._commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        if request:
            command.add_argument("request_id", metavar="request")
        return command

    def _add_message(self, name: str, run: Command) -> argparse.ArgumentParser:
        command = self._add(name, run)
        command.add_argument("--message-id", help="the same id again gets the same answer and changes nothing")
        return command

    def _add_submitting(self) -> None:
        first = self._add("first-request", submitting.first_request, request=False)
        first.add_argument("--message", default=submitting.EXAMPLE)
        request = self._add("request", submitting.request, request=False)
        request.add_argument("message")
        request.add_argument("--model")
        request.add_argument("--priority", type=int, help="1 (first) to 5 (last)")
        request.add_argument("--budget-micros", type=int, help="cap on the cost in millionths of a dollar")
        request.add_argument("--deadline-s", type=float)
        request.add_argument("--approval", choices=("none", "plan"))
        request.add_argument("--tool-approval", choices=("policy", "all", "none"), help="which tool calls ask first")
        request.add_argument("--language")
        request.add_argument("--conversation")
        request.add_argument("--user")
        request.add_argument("--key", help="Idempotency-Key: the same again is the same request")
        request.add_argument("--no-wait", action="store_true", help="print the id and return")
        self._add("watch", submitting.watch)

    def _add_reading(self) -> None:
        self._add("show", reading.show).add_argument("--json", action="store_true")
        listing = self._add("list", reading.list_requests, request=False)
        listing.add_argument("--phase", choices=[phase.value for phase in Phase])
        listing.add_argument("--limit", type=int, default=20)
        plan = self._add("plan", reading.plan)
        plan.add_argument("--version", type=int)
        plan.add_argument("--json", action="store_true")
        self._add("costs", reading.costs)

    def _add_plan_changes(self) -> None:
        amend = self._add_message("amend", messages.amend)
        amend.add_argument("--edit", action="append", required=True, help=_EDIT_HELP)
        amend.add_argument("--expected-version", type=int)
        amend.add_argument("--reason")
        fork = self._add_message("fork", messages.fork)
        fork.add_argument("from_step")
        fork.add_argument("--edit", action="append", default=[], help=_EDIT_HELP)
        fork.add_argument("--model")

    def _add_messages(self) -> None:
        approve = self._add_message("approve", messages.approve)
        approve.add_argument("approval_id")
        approve.add_argument("--deny", action="store_true")
        approve.add_argument("--remember", action="store_true", help="later plans, or calls of this tool, need none")
        reply = self._add_message("reply", messages.reply)
        reply.add_argument("question_id")
        reply.add_argument("text")
        self._add_message("pause", messages.pause)
        self._add_message("resume", messages.resume)
        self._add_message("cancel", messages.cancel).add_argument("--reason")
        self._add_message("cancel-step", messages.cancel_step).add_argument("step_id")
