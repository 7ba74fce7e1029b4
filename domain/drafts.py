"""Reading a planner's draft: from loose JSON to typed steps, with a problem for each thing that cannot be read."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.content import Text
from domain.errors import Problem
from domain.step import DEFAULT_TIMEOUT_S, HUMAN_TIMEOUT_S, REQUEST_TIMEOUT_S, Step, StepKind

_MAX_PROBLEMS = 20
_WRITABLE = frozenset(Step.model_fields) - {"pin"}
"""A pin says what was looked up: nobody writes one by hand."""
_TIMEOUTS: dict[str, float] = {StepKind.HUMAN: HUMAN_TIMEOUT_S, StepKind.REQUEST: REQUEST_TIMEOUT_S}


def read_step(raw: Mapping[str, Any], path: str) -> Step | tuple[Problem, ...]:
    """Read one step. `prompt` is plain text; times are seconds; absent fields take the step's defaults.

    Args:
        raw: The step as the planner or a user wrote it.
        path: The JSON pointer to it, for the problems.
    """
    fields = {key: value for key, value in raw.items() if value is not None and key in _WRITABLE}
    prompt, problems = _read_prompt(fields.get("prompt"), path)
    fields["prompt"] = prompt
    kind = fields.get("kind")
    fields.setdefault(
        "timeout_s", _TIMEOUTS.get(kind, DEFAULT_TIMEOUT_S) if isinstance(kind, str) else DEFAULT_TIMEOUT_S
    )
    try:
        step = Step.model_validate(fields)
    except ValidationError as error:
        return (*problems, *problems_of(error, path))
    return problems or step


def _read_prompt(raw: Any, path: str) -> tuple[Text, tuple[Problem, ...]]:
    """Read a prompt as plain text and nothing else: a reference could name a blob of somebody else's."""
    if isinstance(raw, str) and raw.encode(errors="ignore").decode() == raw:
        return Text.inline(raw), ()
    return Text.inline(""), (Problem(code="invalid", path=f"{path}/prompt", message="a prompt is a text"),)


def read_steps(raw: tuple[Mapping[str, Any], ...], max_steps: int) -> tuple[tuple[Step, ...], tuple[Problem, ...]]:
    """Read a draft's steps; no step is returned when any has a problem. Too many are not even read."""
    if len(raw) > max_steps:
        message = f"a plan has at most {max_steps} steps, this one has {len(raw)}"
        return (), (Problem(code="too_many_steps", path="/steps", message=message),)
    steps: list[Step] = []
    problems: list[Problem] = []
    for index, item in enumerate(raw):
        result = read_step(item, f"/steps/{index}")
        if isinstance(result, Step):
            steps.append(result)
        else:
            problems.extend(result)
    return (() if problems else tuple(steps)), tuple(problems[:_MAX_PROBLEMS])


def problems_of(error: ValidationError, path: str) -> tuple[Problem, ...]:
    """Turn a validation error into problems; the offending values are left out, for they may be private."""
    return tuple(
        Problem(code="invalid", path=_pointer(path, item["loc"]), message=_message(item))
        for item in error.errors(include_url=False, include_input=False)[:_MAX_PROBLEMS]
    )


def _pointer(path: str, keys: tuple[int | str, ...]) -> str:
    pointer = "/".join([path, *(str(key) for key in keys)])
    return pointer.encode(errors="replace").decode()


def _message(item: ErrorDetails) -> str:
    """Return pydantic's sentence, but not the one that quotes the value."""
    if item["type"] == "union_tag_invalid":
        return f"this is none of {item.get('ctx', {})['expected_tags']}"
    return item["msg"]
