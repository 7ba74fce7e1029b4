"""Looking up a write that may have happened: a read of the same server whose answer holds the write's trace."""

import asyncio
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import JsonValue

from domain import templates
from domain.errors import ToolError
from domain.templates import TemplateUnresolved
from domain.tool_server import LookUp, ServerOptions, ToolServer
from domain.tools import Action, ActionType
from services.tools.client.connections import Connections
from services.tools.presets import look_ups

LOOK_TIMEOUT_S = 10.0
"""What one look may take."""


class Looked(NamedTuple):
    """What a look-up found. `text`: what stands for the write's own answer, when it happened."""

    happened: bool
    text: str = ""


def marker(request_id: str, step_id: str, launch: int) -> str:
    """Return the mark of a step's launch: the same for every try of it, another for every other."""
    return f"lh-{hashlib.sha256(f'{request_id}/{step_id}/{launch}'.encode()).hexdigest()[:12]}"


def rule_for(options: ServerOptions, action: Action) -> LookUp | None:
    """Return how a write is looked up; None: there is no way."""
    if action.type is not ActionType.TOOL:
        return None
    rules: Iterable[LookUp] = (*options.look_ups, *(look_ups(options.preset) if options.preset else ()))
    return next((rule for rule in rules if rule.tool == action.name), None)


def marked(rule: LookUp | None, arguments: dict[str, Any], mark: str) -> dict[str, Any]:
    """Return the write's arguments with its mark in them.

    A call whose text comes from elsewhere (`content_file` in place of `content`) is left as it is: it is not found by a
    look-up then, and a person is asked.
    """
    if rule is None or any(f"{name}_file" in arguments for name in rule.mark):
        return arguments
    added = {name: _resolved(template, arguments, mark, name) for name, template in rule.mark.items()}
    return {**arguments, **added}


def _resolved(template: JsonValue, arguments: dict[str, Any], mark: str, name: str) -> JsonValue:
    """Fill in a mark's template; an argument that it extends and that is absent counts as empty."""
    given: dict[str, JsonValue] = {**arguments, name: arguments.get(name) or ""}
    return templates.resolve(template, {"arguments": given, "marker": mark})


class Reading(NamedTuple):
    """How the reading is made: over these connections, for this owner, answers unwrapped by this schema."""

    connections: Connections
    owner: str
    output_schema: dict[str, Any] | None


def reading_of(rule: LookUp, server: ToolServer) -> Action:
    """Return what a rule reads."""
    return Action(server=server.id, type=ActionType.TOOL, name=rule.by)


async def look_up(reading: Reading, server: ToolServer, sent: tuple[Action, dict[str, Any], str]) -> Looked | None:
    """Look whether a write happened. A first look that finds nothing is followed by a second one, a little later.

    Args:
        reading: How the reading is made.
        server: The server.
        sent: What was called, with which arguments and mark.

    Returns:
        What was found; None when nothing can tell.

    Raises:
        ToolError: The server does not answer now, and may later (`retryable`).
    """
    action, arguments, mark = sent
    rule = rule_for(server.options, action)
    if rule is None or (rule.mark and mark not in json.dumps(arguments)):
        return None
    roots: dict[str, JsonValue] = {"arguments": arguments, "marker": mark}
    looked = await _look(reading, server, rule, roots)
    if looked is None or looked.happened:
        return looked
    await asyncio.sleep(rule.settle_s)
    return await _look(reading, server, rule, roots)


async def _look(reading: Reading, server: ToolServer, rule: LookUp, roots: dict[str, JsonValue]) -> Looked | None:
    try:
        asked = templates.resolve(rule.arguments, roots)
        trace = templates.resolve(rule.contains, roots)
        if not isinstance(asked, dict):
            return None
        answer = await reading.connections.call(
            server,
            reading.owner,
            reading_of(rule, server),
            asked,
            timeout_s=LOOK_TIMEOUT_S,
            output_schema=reading.output_schema,
        )
    except TemplateUnresolved:
        return None
    except ToolError as error:
        if error.retryable:
            raise
        return _said_no(error)
    if not _contains(answer.text, str(trace)):
        return Looked(happened=False)
    return Looked(happened=True, text=_part(answer.text, rule.result))


_NO_SUCH_THING = re.compile(r"\bnot found\b", re.IGNORECASE)


def _said_no(error: ToolError) -> Looked | None:
    """A reading that fails because there is no such thing says that the write did not happen; else nothing can tell.

    Only words count: a number such as 404 may stand in a port, a marker or a quoted address.
    """
    return Looked(happened=False) if _NO_SUCH_THING.search(str(error)) else None


def _contains(text: str, trace: str) -> bool:
    """Whether an answer holds the trace, as it stands or as JSON spells it."""
    return bool(trace) and (trace in text or json.dumps(trace, ensure_ascii=False)[1:-1] in text)


def _part(text: str, path: str) -> str:
    """Return the part of a JSON answer that a path leads to; the whole when it leads nowhere."""
    if not path:
        return text
    try:
        found = templates.resolve(f"{{{{answer.{path}}}}}", {"answer": text})
    except TemplateUnresolved:
        return text
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
