"""Binding a plan's tool steps to what the registry approved: each gets its pin, or the plan gets problems.

A pin is the contract's fingerprint at this moment. The parameters are checked against that contract as far as they are
known; references to earlier results are checked once they are resolved.
"""

from collections.abc import Iterable, Sequence

from domain.errors import Problem
from domain.step import Step, StepKind
from domain.templates import TemplateUnresolved
from domain.tools import Action
from services.storage.statements import Statements
from services.tools.registry import capabilities, open_arguments
from services.tools.registry.capabilities import Door, Found, MayUse, everything

PROBLEMS_LIMIT = 20
NEAREST = 5
"""Names that are told when there is none like the one asked for."""

_NAME_SHOWN = 200
_ALIKE = 1 / 3


async def bind(
    where: Statements,
    owner: str,
    steps: tuple[Step, ...],
    servers: tuple[str, ...] | None,
    *,
    may_use: MayUse = everything,
) -> tuple[tuple[Step, ...], tuple[Problem, ...]]:
    """Give each tool step that has no pin its pin.

    Args:
        where: The database.
        owner: Whose plan it is.
        steps: The plan's steps. Those of other kinds, and those with a pin, stay as they are.
        servers: The servers that the request may use; None for all that the owner may use.
        may_use: Which tools the owner may use.

    Returns:
        The steps in their order, and what is wrong: a step with a problem has no pin. Codes: unknown_server,
        server_not_allowed, tool_forbidden, server_disabled, tool_missing, tool_not_approved, and schema for
        parameters. Steps that name no action are left to `domain.admission`.
    """
    wanted = [(index, step.action) for index, step in enumerate(steps) if _wants_pin(step) and step.action]
    actions = list(dict.fromkeys(action for _, action in wanted))
    if not actions:
        return steps, ()
    doors = await capabilities.doors(where, owner, sorted({action.server for action in actions}))
    desk = _Desk(where, doors, servers, may_use)
    found = await capabilities.find_all(where, actions, owner)
    bound = list(steps)
    problems: list[Problem] = []
    for index, action in wanted:
        if len(problems) >= PROBLEMS_LIMIT:
            break
        step, path = steps[index], f"/steps/{index}"
        wrong = await desk.problems(action, found.get(action), path) or _wrong_parameters(step, found[action], path)
        problems += wrong
        if not wrong:
            bound[index] = step.model_copy(update={"pin": found[action].pin})
    return tuple(bound), tuple(problems[:PROBLEMS_LIMIT])


def _wants_pin(step: Step) -> bool:
    return step.kind is StepKind.TOOL and step.pin is None


class _Desk:
    """Says why an action cannot be bound."""

    def __init__(
        self, where: Statements, doors: dict[str, Door], allowed: Sequence[str] | None, may_use: MayUse
    ) -> None:
        self._where = where
        self._doors = doors
        self._allowed = allowed
        self._may_use = may_use
        self._names: dict[tuple[str, str], list[str]] = {}

    async def problems(self, action: Action, found: Found | None, path: str) -> list[Problem]:
        door = self._doors.get(action.server)
        at_server = f"{path}/mcp_target_server_id"
        if door is None:
            return [_problem("unknown_server", at_server, f"there is no tool server {_shown(action.server)}")]
        if self._allowed is not None and action.server not in self._allowed:
            return [_problem("server_not_allowed", at_server, f"this request may not use {action.server}")]
        if not self._may_use(action.server, action.name):
            message = f"the user may not use {_shown(action.name)} of {action.server}"
            return [_problem("tool_forbidden", f"{path}/mcp_action_name", message)]
        if door.disabled:
            return [_problem("server_disabled", at_server, f"{action.server} is disabled")]
        at_name = f"{path}/mcp_action_name"
        if found is None or not found.present:
            return [_problem("tool_missing", at_name, await self._missing(action))]
        if not found.approved:
            message = (
                f"{_shown(action.name)} of {action.server} is new or has changed, and waits for an admin's approval"
            )
            return [_problem("tool_not_approved", at_name, message)]
        return []

    async def _missing(self, action: Action) -> str:
        message = f"{action.server} offers no {action.type.value} {_shown(action.name)}"
        key = (action.server, action.type.value)
        if key not in self._names:
            names = await capabilities.names(self._where, action.server, action.type)
            self._names[key] = [name for name in names if self._may_use(action.server, name)]
        nearest = _nearest(action.name, self._names[key])
        return f"{message}; the nearest: {', '.join(map(_shown, nearest))}" if nearest else message


def _nearest(name: str, names: Sequence[str]) -> list[str]:
    """Return the names that share the most pairs of letters with this one, at least a third of all."""
    asked = _pairs(name)
    weighed = [(2 * len(asked & pairs) / max(1, len(asked) + len(pairs)), n) for n in names if (pairs := _pairs(n))]
    return [
        name for likeness, name in sorted(weighed, key=lambda each: (-each[0], each[1]))[:NEAREST] if likeness > _ALIKE
    ]


def _pairs(name: str) -> frozenset[str]:
    shown = name[:_NAME_SHOWN].lower()
    return frozenset(shown[at : at + 2] for at in range(len(shown) - 1))


def _wrong_parameters(step: Step, found: Found, path: str) -> list[Problem]:
    """Check the arguments of what takes any: a URI has none."""
    schema = None if step.action is None else found.schema_for(step.action)
    if schema is None:
        return []
    where = f"{path}/mcp_parameters"
    try:
        return list(open_arguments.problems_of(schema, step.mcp_parameters or {}, where))
    except TemplateUnresolved as error:
        return _moved(error.problems, where)


def _moved(problems: Iterable[Problem], path: str) -> list[Problem]:
    return [problem.model_copy(update={"path": f"{path}{problem.path}"}) for problem in problems]


def _problem(code: str, path: str, message: str) -> Problem:
    return Problem(code=code, path=path, message=message)


def _shown(name: str) -> str:
    return repr(name[:_NAME_SHOWN])
