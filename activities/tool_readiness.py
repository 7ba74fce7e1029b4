"""Making a tool step's call ready: references resolved, arguments marked and checked, contract and policy asked."""

import json
from typing import Any

from contracts.tools import Gate, PrepareCallInput, PreparedCall
from domain.errors import Problem
from domain.request import ApprovalKind
from domain.step import Step
from domain.templates import TemplateUnresolved, resolve_steps
from domain.tool_policy import CallFacts, Decision, Ruling, rule_on
from domain.tools import Action, ReadyCall, difference
from services.storage import blobs
from services.storage.database import Database
from services.tools.client.schemas import violations
from services.tools.look_up import marked, marker, rule_for
from services.tools.registry import capabilities, rules
from services.tools.registry.capabilities import Found, MayUse, everything

_PARAMETERS = "/mcp_parameters"


async def make_ready(db: Database, request: PrepareCallInput, may_use: MayUse = everything) -> PreparedCall:
    """Return the call with its gate, or why it cannot be made. Database work only."""
    step, facts = request.step, request.facts
    action = step.action
    if action is None:
        return _impossible((Problem(code="action_missing", path="", message="the step names no tool"),))
    if not may_use(action.server, action.name):
        return _impossible((Problem(code="tool_forbidden", path="", message=f"this user may not use {action}"),))
    found = await capabilities.find(db, action, facts.owner)
    if found is None or not _may_be_called(step, found):
        return _impossible((_unusable(action, found),))
    try:
        arguments = await _arguments(db, request, found, action)
    except TemplateUnresolved as error:
        return _impossible(_at_parameters(error.problems))
    schema = found.schema_for(action)
    problems = violations(schema, arguments) if schema is not None else ()
    if problems:
        return _impossible(_at_parameters(problems))
    ruling = rule_on(
        await rules.all_rules(db),
        CallFacts(action.server, action.name, facts.owner, found.pin.effect),
        facts.options.tool_approval,
        remembered=request.remembered,
    )
    if ruling.decision is Decision.DENY:
        return _denied(action, ruling)
    text = json.dumps(arguments, sort_keys=True, ensure_ascii=False)
    call = ReadyCall(arguments=await blobs.put(db, text), pin=found.pin)
    return PreparedCall(call=call, gate=await _gate(db, step, found, ruling))


def _may_be_called(step: Step, found: Found) -> bool:
    """Return whether a tool is there. One that has changed need not be approved by an admin: its gate asks the user."""
    drifted = step.pin is not None and step.pin.hash != found.pin.hash
    return found.present and not found.server_disabled and (found.approved or drifted)


def _unusable(action: Action, found: Found | None) -> Problem:
    if found is None or not found.present:
        return Problem(code="tool_missing", path="", message=f"{action} is not there any more")
    if found.server_disabled:
        return Problem(code="server_disabled", path="", message=f"the tool server {action.server!r} is disabled")
    return Problem(code="tool_not_approved", path="", message=f"{action} waits for an admin's approval")


async def _arguments(db: Database, request: PrepareCallInput, found: Found, action: Action) -> dict[str, Any]:
    """Resolve the step's parameters, and put the launch's mark into a write that is looked up by it."""
    step = request.step
    results = await blobs.load_many(db, request.inputs)
    resolved = resolve_steps(step.mcp_parameters or {}, results)
    arguments: dict[str, Any] = resolved if isinstance(resolved, dict) else {}
    mark = marker(request.facts.request_id, step.id, request.launch)
    return marked(rule_for(found.options, action), arguments, mark)


async def _gate(db: Database, step: Step, found: Found, ruling: Ruling) -> Gate | None:
    """Return what must be approved first: a tool that has changed since it was planned, or what the policy says."""
    rule = ruling.rule
    asks = ruling.decision is Decision.ASK
    drifted = step.pin is not None and step.pin.hash != found.pin.hash
    if not drifted and not asks:
        return None
    before = await capabilities.contract(db, step.pin.hash) if drifted and step.pin is not None else None
    return Gate(
        kind=ApprovalKind.DRIFT if drifted else ApprovalKind.TOOL,
        reason="the tool has changed since it was planned" if drifted else rule.reason if rule else None,
        changes=difference(before, found.capability) if before is not None else (),
        timeout_s=rule.timeout_s if rule else None,
        default="deny" if drifted or rule is None else rule.default,
    )


def _at_parameters(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    return tuple(problem.model_copy(update={"path": f"{_PARAMETERS}{problem.path}"}) for problem in problems)


def _impossible(problems: tuple[Problem, ...]) -> PreparedCall:
    return PreparedCall(problems=problems, replan=True)


def _denied(action: Action, ruling: Ruling) -> PreparedCall:
    reason = ruling.rule.reason if ruling.rule else None
    message = f"a rule forbids {action}" + (f": {reason}" if reason else "")
    return PreparedCall(problems=(Problem(code="policy_denied", path="", message=message),))
