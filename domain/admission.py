"""The one check that every plan passes, whoever wrote it: the planner, an amendment or a fork."""

import json
from collections.abc import Iterator, Mapping

from domain.conditions import parse, references
from domain.errors import ConditionInvalid, Problem
from domain.ids import STEP_ID
from domain.plan import ancestors, has_cycle
from domain.request import Caps
from domain.step import Step, StepKind
from domain.templates import Reference, TemplateUnresolved
from domain.templates import references as template_references

KINDS_NOW = (StepKind.GENERATE, StepKind.TOOL, StepKind.HUMAN, StepKind.REQUEST)
"""The kinds that this version can run."""

PARAMETERS_LIMIT = 16 * 1024
"""Bytes of JSON that a step's parameters may have before references are resolved."""

_LATER = {StepKind.RETRIEVE: "this installation has no knowledge bases yet"}


def allowed_kinds(depth: int, caps: Caps) -> tuple[StepKind, ...]:
    """Return the kinds that a request at `depth` (0: the user's own) may plan."""
    if depth < caps.max_depth:
        return KINDS_NOW
    return tuple(kind for kind in KINDS_NOW if kind is not StepKind.REQUEST)


def admit(steps: tuple[Step, ...], caps: Caps, depth: int = 0, *, bound: bool = True) -> tuple[Problem, ...]:
    """Return why a plan may not run; empty when it may. Problems come in plan order and are at most 20.

    Args:
        steps: The plan's steps.
        caps: The request's bounds.
        depth: How deep the request is nested.
        bound: Whether tool steps must have their pins already: what checks arguments against schemas gives them.
    """
    if not steps:
        return (Problem(code="empty_plan", path="/steps", message="a plan has at least one step"),)
    if len(steps) > caps.max_steps:
        message = f"a plan has at most {caps.max_steps} steps, this one has {len(steps)}"
        return (Problem(code="too_many_steps", path="/steps", message=message),)
    return tuple(_problems(steps, caps, depth, bound=bound))[:20]


def _problems(steps: tuple[Step, ...], caps: Caps, depth: int, *, bound: bool) -> Iterator[Problem]:
    by_id = {step.id: step for step in steps}
    if len(by_id) < len(steps):
        yield from _duplicates(steps)
    for index, step in enumerate(steps):
        path = f"/steps/{index}"
        yield from _check_id(step, path)
        yield from _check_kind(step, path, depth, caps)
        yield from _check_bounds(step, path, caps)
        yield from _check_dependencies(step, path, by_id)
        yield from _check_condition(step, path, by_id)
        yield from _check_action(step, path, by_id, bound=bound)
    cyclic = has_cycle(by_id)
    if cyclic:
        message = f"these steps wait for each other: {', '.join(cyclic[:10])}"
        yield Problem(code="cycle", path="/steps", message=message)


def _duplicates(steps: tuple[Step, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, step in enumerate(steps):
        if step.id in seen:
            yield Problem(code="duplicate_id", path=f"/steps/{index}/id", message=f"{step.id!r} is used twice")
        seen.add(step.id)


def _check_id(step: Step, path: str) -> Iterator[Problem]:
    if not STEP_ID.match(step.id):
        message = "an id is a lower-case letter and up to 39 of a-z, 0-9, _ and -"
        yield Problem(code="bad_id", path=f"{path}/id", message=message)


def _check_kind(step: Step, path: str, depth: int, caps: Caps) -> Iterator[Problem]:
    if step.kind in _LATER:
        yield Problem(code="kind_not_available", path=f"{path}/kind", message=_LATER[step.kind])
    if step.kind is StepKind.REQUEST and depth >= caps.max_depth:
        message = f"sub-requests nest at most {caps.max_depth} deep"
        yield Problem(code="too_deep", path=f"{path}/kind", message=message)


def _check_bounds(step: Step, path: str, caps: Caps) -> Iterator[Problem]:
    longest = caps.max_human_timeout_s if step.kind is StepKind.HUMAN else caps.max_step_timeout_s
    if not 1 <= step.timeout_s <= longest:
        message = f"a time-out is between 1 and {longest:g} seconds"
        yield Problem(code="timeout_out_of_range", path=f"{path}/timeout_s", message=message)
    if step.max_retries > caps.max_step_retries:
        message = f"a step is retried at most {caps.max_step_retries} times"
        yield Problem(code="retries_out_of_range", path=f"{path}/max_retries", message=message)
    if step.prompt.size == 0:
        yield Problem(code="prompt_empty", path=f"{path}/prompt", message="a step has a prompt")
    if step.prompt.size > caps.max_prompt_bytes:
        message = f"a prompt has at most {caps.max_prompt_bytes} bytes"
        yield Problem(code="prompt_too_long", path=f"{path}/prompt", message=message)


def _check_dependencies(step: Step, path: str, by_id: Mapping[str, Step]) -> Iterator[Problem]:
    for index, dependency in enumerate(step.depends_on):
        where = f"{path}/depends_on/{index}"
        if dependency == step.id:
            yield Problem(code="self_dependency", path=where, message=f"{step.id!r} depends on itself")
        elif dependency not in by_id:
            yield Problem(code="unknown_dependency", path=where, message=f"there is no step {dependency!r}")


def _check_condition(step: Step, path: str, by_id: Mapping[str, Step]) -> Iterator[Problem]:
    if step.condition is None:
        return
    where = f"{path}/condition"
    try:
        read = references(parse(step.condition))
    except ConditionInvalid as error:
        yield Problem(code="condition_invalid", path=where, message=str(error))
        return
    early = sorted(read - ancestors(by_id, step.id))
    if early:
        message = f"it reads steps that {step.id!r} does not depend on: {', '.join(early)}"
        yield Problem(code="condition_not_dependency", path=where, message=message)


def _check_action(step: Step, path: str, by_id: Mapping[str, Step], *, bound: bool) -> Iterator[Problem]:
    if step.kind is not StepKind.TOOL:
        if step.action is not None or step.mcp_parameters is not None:
            message = "only a step of kind tool calls a tool"
            yield Problem(code="not_a_tool_step", path=f"{path}/mcp_action_name", message=message)
        return
    if step.action is None:
        message = "a tool step names mcp_target_server_id, mcp_action_type and mcp_action_name"
        yield Problem(code="action_missing", path=f"{path}/mcp_action_name", message=message)
        return
    yield from _check_parameters(step, f"{path}/mcp_parameters", by_id)
    if bound and step.pin is None:
        message = f"{step.action} has not been looked up yet"
        yield Problem(code="tool_not_bound", path=f"{path}/mcp_action_name", message=message)


def _check_parameters(step: Step, path: str, by_id: Mapping[str, Step]) -> Iterator[Problem]:
    parameters = step.mcp_parameters or {}
    try:
        size = len(json.dumps(parameters, ensure_ascii=False, allow_nan=False).encode(errors="replace"))
        found = template_references(parameters)
    except (ValueError, RecursionError, TemplateUnresolved):
        yield Problem(code="parameters_invalid", path=path, message="parameters are plain JSON of at most 50 levels")
        return
    if size > PARAMETERS_LIMIT:
        message = f"parameters have at most {PARAMETERS_LIMIT} bytes of JSON, these {size}"
        yield Problem(code="parameters_too_large", path=path, message=message)
    earlier = ancestors(by_id, step.id)
    for reference in found:
        yield from _check_reference(reference, path, by_id, earlier)


def _check_reference(
    reference: Reference, path: str, by_id: Mapping[str, Step], earlier: frozenset[str]
) -> Iterator[Problem]:
    where, spelled = f"{path}{reference.pointer}", ".".join(reference.path)
    if reference.path[0] != "steps" and reference.path[0] not in by_id:
        return
    if reference.step_id is None:
        message = f"{spelled} is no reference: write steps.<id>.result or steps.<id>.result.<key>"
        yield Problem(code="reference_invalid", path=where, message=message)
    elif reference.step_id not in earlier:
        message = f"{spelled} reads a step that this one does not depend on"
        yield Problem(code="reference_not_dependency", path=where, message=message)
