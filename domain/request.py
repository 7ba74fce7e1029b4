"""A request: what the user asked, how they want it done, and how it ended."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from domain.content import Text
from domain.documents import Understanding
from domain.tools import Action, Change, Effect
from domain.value import Value

MESSAGE_LIMIT = 256 * 1024
"""Bytes of UTF-8 that a message may have."""


class Phase(StrEnum):
    """Where a request stands. The last three are ends."""

    ACCEPTED = "accepted"
    UNDERSTANDING = "understanding"
    ASKING = "asking"
    PLANNING = "planning"
    APPROVING = "approving"
    RUNNING = "running"
    SYNTHESIZING = "synthesizing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether the request is over."""
        return self in (Phase.DONE, Phase.FAILED, Phase.CANCELLED)


class Caps(Value):
    """Bounds on one request that hold whatever the planner, the user or an amendment says."""

    max_steps: int = Field(default=200, ge=1, le=200)
    max_depth: int = Field(default=3, ge=0, le=5)
    max_replans: int = Field(default=2, ge=0, le=10)
    max_repairs: int = Field(default=2, ge=0, le=2)
    max_step_retries: int = Field(default=5, ge=0, le=10)
    max_step_timeout_s: float = Field(default=3600, gt=0)
    max_human_timeout_s: float = Field(default=30 * 86_400, gt=0)
    max_prompt_bytes: int = Field(default=32 * 1024, ge=1)
    window: int = Field(default=20, ge=1, le=200)


class Options(Value):
    """What the user may choose for a request.

    Attributes:
        model: The model of every call that a step does not choose itself; None for the deployment's default.
        priority: 1 (first) to 5 (last), Temporal's priority key.
        budget_micros: Cap on everything the request spends, sub-requests included; None for no cap.
        deadline_s: Seconds from the start until the request is stopped.
        approval: `plan`: every plan waits for an approval before its first step; `none`: it does not.
        approval_timeout_s: Seconds to wait for an approval; then it counts as denied.
        question_timeout_s: Seconds to wait for a reply to a question; then the stated assumption holds.
        language: BCP 47 tag of the answer; None for the message's own.
        tool_approval: `policy`: the installation's rules say which tool calls ask first; `all`: each does; `none`: none
            does, where no rule speaks (see `domain.tool_policy`).
        tool_servers: The tool servers that may be used; None for all that the user may use.
    """

    model: str | None = Field(default=None, min_length=1, max_length=200)
    priority: int = Field(default=3, ge=1, le=5)
    budget_micros: int | None = Field(default=None, ge=0, le=10**15)
    deadline_s: float | None = Field(default=None, gt=0, le=30 * 86_400)
    approval: Literal["none", "plan"] = "none"
    approval_timeout_s: float = Field(default=86_400, gt=0, le=30 * 86_400)
    question_timeout_s: float = Field(default=86_400, gt=0, le=30 * 86_400)
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
    tool_approval: Literal["policy", "all", "none"] = "policy"
    tool_servers: tuple[Annotated[str, Field(max_length=40)], ...] | None = Field(default=None, max_length=100)


class ProcessedInput(Value):
    """What the coordinator understood (S1's ProcessedInput, snake_case)."""

    intent: str
    entities: tuple[dict[str, str], ...] = ()
    required_agents: tuple[str, ...] = ()
    detailed_description: str

    @classmethod
    def of(cls, understanding: Understanding) -> "ProcessedInput":
        """Take over the part of an understanding that users see."""
        return cls(
            intent=understanding.intent,
            entities=tuple(entity.model_dump() for entity in understanding.entities),
            required_agents=understanding.required_agents,
            detailed_description=understanding.detailed_description,
        )


class ParentStep(Value):
    """The step that a sub-request fulfils: the parent's request id, the step and the launch it answers."""

    request_id: str
    step_id: str
    launch: int


class Outcome(Value):
    """How a request ended.

    `reason` is a stable code for a failure or a cancellation; `partial`: some step has no result that passed its
    evaluation.
    """

    phase: Literal[Phase.DONE, Phase.FAILED, Phase.CANCELLED]
    answer: Text | None = None
    reason: str | None = None
    detail: str | None = None
    partial: bool = False
    cost_micros: int = 0


class Question(Value):
    """An open question to the user. `step_id`: the human step that asks, None for the coordinator."""

    id: str
    text: Text
    default: str | None
    expires_at: datetime
    step_id: str | None = None


class ApprovalKind(StrEnum):
    """What an approval is about."""

    PLAN = "plan"
    """A plan version, before its first step."""
    TOOL = "tool"
    """A tool call that the policy wants approved."""
    DRIFT = "drift"
    """A tool call whose tool has changed since it was planned."""
    UNCERTAIN = "uncertain"
    """A write that may have happened: approve to make it again, deny to leave it."""
    SIGN_IN = "sign_in"
    """A server that does not accept us: approve once that is mended."""


class Approval(Value):
    """An open approval. `plan_version`: the version it is about.

    Attributes:
        default: What holds when nobody decided by `expires_at`.
        arguments: The exact arguments of a tool call, as JSON.
        changes: What has changed in the tool.
    """

    id: str
    plan_version: int
    expires_at: datetime
    kind: ApprovalKind = ApprovalKind.PLAN
    default: Literal["approve", "deny"] = "deny"
    step_id: str | None = None
    action: Action | None = None
    effect: Effect | None = None
    arguments: Text | None = None
    changes: tuple[Change, ...] = ()
    reason: str | None = None
