"""The edits of an amendment, as users write them in JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.value import Value

StepId = Annotated[str, Field(max_length=40)]


class AddStep(Value):
    """Add a step; `step` has the fields of a step, its prompt as plain text."""

    op: Literal["add"]
    step: dict[str, Any]


class DropStep(Value):
    """Drop a step that has not finished. Its dependents are dropped too, or detached from it."""

    op: Literal["drop"]
    step_id: StepId
    dependents: Literal["drop", "detach"] = "drop"


class RewireStep(Value):
    """Change what a step that has not finished depends on."""

    op: Literal["rewire"]
    step_id: StepId
    depends_on: tuple[StepId, ...]


class Retime(Value):
    """Change a step's time-out (from its next launch on), or, with `deadline`, the request's deadline."""

    op: Literal["retime"]
    step_id: StepId | None = None
    timeout_s: float | None = Field(default=None, allow_inf_nan=False)
    deadline: datetime | None = None


class SetPrompt(Value):
    """Change the prompt of a step that has not finished; a running one starts again."""

    op: Literal["set_prompt"]
    step_id: StepId
    prompt: str


class SetParameters(Value):
    """Change the parameters of a tool step that has not finished; a running one starts again."""

    op: Literal["set_parameters"]
    step_id: StepId
    mcp_parameters: dict[str, Any]


class SetModel(Value):
    """Change the model of one step, or without `step_id` of all that choose none.

    A running step that is named starts again.
    """

    op: Literal["set_model"]
    step_id: StepId | None = None
    model: Annotated[str, Field(min_length=1, max_length=200)]


class RaiseBudget(Value):
    """Raise the budget of one step, or without `step_id` of the request, to `to_micros`."""

    op: Literal["raise_budget"]
    step_id: StepId | None = None
    to_micros: int = Field(ge=0, le=10**15)


class SetResult(Value):
    """Give a step that has not succeeded its result by hand."""

    op: Literal["set_result"]
    step_id: StepId
    result: str


Edit = Annotated[
    AddStep | DropStep | RewireStep | Retime | SetPrompt | SetParameters | SetModel | RaiseBudget | SetResult,
    Field(discriminator="op"),
]


class Amendment(Value):
    """A patch to a running plan. It applies whole or not at all, and only to the version that its author saw.

    `message_id`: the same id again gets the same answer and changes nothing.
    """

    expected_version: int = Field(ge=0, le=10**9)
    edits: tuple[Edit, ...] = Field(min_length=1, max_length=100)
    reason: str | None = Field(default=None, max_length=1000)
    message_id: str | None = Field(default=None, min_length=1, max_length=100)
