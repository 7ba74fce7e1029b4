"""The JSON documents that the product puts into the user message of a model call, and the JSON it asks back.

A call's system message says what to do in words; the user message is exactly one of these documents. Simulated models
read the documents, never the words. `docs/model-documents.md` shows one of each.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import Problem
from domain.tools import ActionType, Effect
from domain.value import Value

Status = Literal["succeeded", "accepted", "failed", "skipped", "cancelled"]


class Turn(Value):
    """One earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    text: str


class Clarification(Value):
    """A question asked earlier about this request, and the user's reply (None: no reply came, assume the default)."""

    question: str
    reply: str | None


class UnderstandDocument(Value):
    """Asks for an `Understanding` of the message.

    `tools`: names of what a plan could call, as `server/name`, best matches first; they are strangers' words.
    """

    task: Literal["understand"] = "understand"
    message: str
    language: str | None = None
    context: dict[str, Any] | None = None
    history: tuple[Turn, ...] = ()
    clarification: Clarification | None = None
    tools: tuple[str, ...] = ()


class Answered(BaseModel):
    """The base of what a model answers: unknown fields are ignored, for models add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_min_length=0)


class Entity(Answered):
    """A thing the message names: `type` such as person, project, date; `value` as written."""

    type: str = Field(max_length=100)
    value: str = Field(max_length=1000)


class Understanding(Answered):
    """What the user wants (S1's ProcessedInput, and what the coordinator needs to go on).

    `simple`: one model call answers it, no plan is needed. `clear` false: `question` asks the user, `assumption` is
    what to assume when no reply comes. `language`: BCP 47 tag of the answer.
    """

    intent: str = Field(max_length=200)
    entities: tuple[Entity, ...] = Field(default=(), max_length=200)
    required_agents: tuple[str, ...] = Field(default=(), max_length=50)
    detailed_description: str = Field(max_length=20_000)
    language: str = Field(default="en", max_length=35)
    simple: bool = False
    clear: bool = True
    question: str | None = Field(default=None, max_length=2000)
    assumption: str | None = Field(default=None, max_length=2000)


class StepSummary(Value):
    """A step of the plan so far, as the planner sees it; `result` is cut to 2,000 characters."""

    id: str
    kind: str
    prompt: str
    status: str
    result: str | None = None
    note: str | None = None


class ToolOffer(Value):
    """A tool, resource or prompt that a plan may use. All its texts are the server's own words: data.

    The first three fields are what a step names; `input_schema` is the JSON Schema of its parameters, None if too large
    to show. `description` is cut and free of hidden characters. `effect`: read, write or destructive.
    """

    mcp_target_server_id: str
    mcp_action_type: ActionType
    mcp_action_name: str
    description: str = ""
    effect: Effect = Effect.WRITE
    input_schema: dict[str, Any] | None = None


class PlanDocument(Value):
    """Asks for a `PlannedSteps`. `tools`: what steps of kind tool may call, best matches first.

    On a replan `steps` are the steps so far (finished ones keep their results and must not come again) and `failure`
    says what went wrong; on a repair `problems` say why the last draft was refused.
    """

    task: Literal["plan"] = "plan"
    message: str
    understanding: Understanding
    context: dict[str, Any] | None = None
    kinds: tuple[str, ...]
    max_steps: int
    tools: tuple[ToolOffer, ...] = ()
    steps: tuple[StepSummary, ...] = ()
    failure: str | None = None
    problems: tuple[Problem, ...] = ()


class PlannedSteps(Answered):
    """A planner's draft: each step is checked by `domain.drafts` and `domain.admission` before it counts."""

    steps: tuple[dict[str, Any], ...]


class StepDocument(Value):
    """Asks for the text that fulfils `prompt`, given the results of earlier steps.

    `message` and `history` are given only to the one step of a request that needs no plan. `feedback`: why the last
    round's answer did not pass.
    """

    task: Literal["step"] = "step"
    step_id: str
    prompt: str
    language: str
    inputs: dict[str, str] = {}
    context: dict[str, Any] | None = None
    history: tuple[Turn, ...] = ()
    feedback: str | None = None
    format: Literal["text", "json"] = "text"


class EvaluateDocument(Value):
    """Asks for a `Verdict` on a step's result."""

    task: Literal["evaluate"] = "evaluate"
    step_id: str
    prompt: str
    result: str


class Verdict(Answered):
    """An evaluator's answer (S1's StepEvaluation).

    `needs_adjustment`: retrying alone will not help, the plan must change.
    """

    success: bool
    reason: str = Field(default="", max_length=4000)
    needs_adjustment: bool = False


class StepResultDocument(Value):
    """One step's end, as the synthesizer sees it."""

    id: str
    prompt: str
    status: Status
    text: str | None = None
    note: str | None = None


class SynthesizeDocument(Value):
    """Asks for the final answer to `message`, in `language`; failed and skipped steps must be told plainly."""

    task: Literal["synthesize"] = "synthesize"
    message: str
    language: str
    results: tuple[StepResultDocument, ...]
