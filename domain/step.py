"""A step of a plan, and what is known of its runs."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from domain.content import Text
from domain.evaluation import Evaluation, Expectation
from domain.tools import Action, ActionType, Pin
from domain.value import Value

DEFAULT_TIMEOUT_S = 120.0
HUMAN_TIMEOUT_S = 86_400.0
REQUEST_TIMEOUT_S = 3600.0
DEFAULT_MAX_RETRIES = 2


class StepKind(StrEnum):
    """What a step does."""

    GENERATE = "generate"
    """One model call."""
    TOOL = "tool"
    """One call of an MCP tool."""
    RETRIEVE = "retrieve"
    """One search of a knowledge base."""
    HUMAN = "human"
    """A question to a person, and a durable wait for the reply."""
    REQUEST = "request"
    """A sub-request with a plan of its own."""


class StepStatus(StrEnum):
    """Where a step stands. The last five are ends: a step never leaves them but by an amendment."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    """A question of a human step is open."""
    SUCCEEDED = "succeeded"
    ACCEPTED = "accepted"
    """The result did not pass its evaluation, retries are spent, and the answer says so."""
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether the step is over."""
        return self not in (StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING)

    @property
    def has_result(self) -> bool:
        """Whether later steps may build on the step's result."""
        return self in (StepStatus.SUCCEEDED, StepStatus.ACCEPTED)

    @property
    def is_active(self) -> bool:
        """Whether the step is being worked on."""
        return self in (StepStatus.RUNNING, StepStatus.WAITING)


class Step(Value):
    """One step. Times are seconds, money is micro-units of the request's currency.

    Attributes:
        depends_on: Ids of steps that must have ended first.
        condition: A `domain.conditions` expression over earlier steps; false skips the step.
        max_retries: Further rounds after the first when the evaluation fails.
        timeout_s: Bound on one attempt; for a human step, on the wait for the reply.
        model: The model to use, None for the request's.
        budget_micros: Cap on what the step may spend, None for its share of the request's budget.
        evaluate: `rule`: a rule decides alone; `model`: what no rule fails, a model judges.
        expects: What the rule checks beyond "not empty, not cut, not refused".
        default: For a human step: the reply taken when nobody answers in time, None to fail.
        mcp_target_server_id: For a tool step: the server (S1's mcpTargetServerId; so for the next three).
        mcp_action_type: Whether a tool is called, a resource read or a prompt fetched.
        mcp_action_name: The tool's or prompt's name, the resource's URI or its template.
        mcp_parameters: The arguments; texts may refer to earlier results, see `domain.templates`.
        pin: The contract the step was planned with; set by admission alone, whatever a planner writes.
    """

    id: str
    kind: StepKind = StepKind.GENERATE
    prompt: Text
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    max_retries: int = Field(default=DEFAULT_MAX_RETRIES, ge=0, le=1000)
    timeout_s: float = Field(default=DEFAULT_TIMEOUT_S, allow_inf_nan=False)
    model: str | None = Field(default=None, min_length=1, max_length=200)
    budget_micros: int | None = Field(default=None, ge=0, le=10**15)
    evaluate: Literal["rule", "model"] = "rule"
    expects: Expectation | None = None
    default: str | None = Field(default=None, max_length=32_768)
    mcp_target_server_id: str | None = Field(default=None, max_length=40)
    mcp_action_type: ActionType | None = None
    mcp_action_name: str | None = Field(default=None, max_length=1000)
    mcp_parameters: dict[str, Any] | None = None
    pin: Pin | None = None

    @property
    def action(self) -> Action | None:
        """What a tool step calls; None when the step does not say."""
        server, kind, name = self.mcp_target_server_id, self.mcp_action_type, self.mcp_action_name
        if server is None or kind is None or name is None:
            return None
        return Action(server=server, type=kind, name=name)


class HoldKind(StrEnum):
    """What a person must mend before a tool step can go on."""

    DRIFT = "drift"
    """The tool is no longer what it was when the step was planned."""
    UNCERTAIN = "uncertain"
    """A write may have happened, and no look-up can tell."""
    SIGN_IN = "sign_in"
    """The server does not accept us."""


class Hold(Value):
    """Why a launch stopped without an end: a person decides whether it goes on."""

    kind: HoldKind
    reason: str


class StepResult(Value):
    """How one launch of a step ended: the last round's text and evaluation, and what all its rounds cost.

    `recorded`: the log has this end already, from the activity that stored the answer. `hold`: this is no end yet.
    """

    status: StepStatus
    text: Text | None = None
    evaluation: Evaluation | None = None
    note: str | None = None
    cost_micros: int = 0
    rounds: int = 1
    recorded: bool = False
    hold: Hold | None = None


class StepRun(Value):
    """What is known of a step's runs.

    `next_round` counts over all launches, so that a round's number is never used twice.
    """

    status: StepStatus = StepStatus.PENDING
    next_round: int = Field(default=1, ge=1)
    result: Text | None = None
    evaluation: Evaluation | None = None
    note: str | None = None
    cost_micros: int = 0
    launches: int = 0
