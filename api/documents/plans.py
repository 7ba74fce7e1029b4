"""Plans on the wire."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, JsonValue
from typing_extensions import TypedDict

from api.documents.texts import Excerpt
from domain.evaluation import Evaluation, Expectation
from domain.step import StepKind, StepStatus
from domain.tools import ActionType, Pin


class StepDocument(BaseModel):
    """A step and how it stands. `round` 0: not started; `child`: its workflow's id when it has one of its own."""

    id: str
    kind: StepKind
    prompt: Excerpt
    depends_on: tuple[str, ...]
    condition: str | None
    max_retries: int
    timeout_s: float
    model: str | None
    budget_micros: int | None
    evaluate: str
    expects: Expectation | None
    default: str | None
    mcp_target_server_id: str | None
    mcp_action_type: ActionType | None
    mcp_action_name: str | None
    mcp_parameters: dict[str, Any] | None = Field(description="A tool step's, before references are resolved.")
    pin: Pin | None = Field(description="The tool's contract that the step was planned with.")
    status: StepStatus
    round: int
    child: str | None
    result: Excerpt | None
    evaluation: Evaluation | None
    note: str | None
    feedback: str | None
    cost_micros: int
    started_at: datetime | None
    finished_at: datetime | None


class PlanDocument(BaseModel):
    """One version of a plan, its steps as they stand now."""

    request_id: str
    version: int
    origin: str
    reason: str | None
    created_at: datetime
    steps: list[StepDocument]


Change = TypedDict("Change", {"from": JsonValue, "to": JsonValue})
"""A field before and after."""


class ChangedStep(BaseModel):
    """The changed fields of a step."""

    step_id: str
    fields: dict[str, Change]


class PlanDiff(BaseModel):
    """What differs between two versions; `added` and `dropped` are step ids."""

    request_id: str
    from_version: int
    to_version: int
    added: list[str]
    dropped: list[str]
    changed: list[ChangedStep]
