"""What activities take and give. Texts over 1 KiB travel as references.

Every input that stands for work carries `events`: what the workflow decided since its last activity. The activity
appends them in its first transaction, so that a decision costs no round trip of its own.

A *slot* names what a model call is for within a request: `@understand`, `@plan`, `@synthesize`, a step's id, or
`<step id>@evaluate`. (request, slot, round) is journaled: a finished one is never asked for again.
"""

from datetime import datetime
from typing import Literal

from domain.content import Text
from domain.documents import Clarification, StepSummary, Understanding
from domain.errors import Problem
from domain.evaluation import Evaluation
from domain.events import Event
from domain.plan import Plan
from domain.request import Options, ParentStep
from domain.step import Hold, Step, StepStatus
from domain.tools import ReadyCall
from domain.value import Value


class RequestFacts(Value):
    """What every activity of a request needs to know of it.

    `inputs`: for a sub-request, the results of its parent's steps that it builds on, by step id. `held`: money is held
    for it, by itself or by its root, so that a raised budget is held before it is taken.
    """

    request_id: str
    owner: str
    message: Text
    conversation_id: str | None = None
    options: Options = Options()
    user_id: str | None = None
    parent: ParentStep | None = None
    depth: int = 0
    inputs: dict[str, Text] = {}
    held: bool = False


class Work(Value):
    """The base of the inputs of model work. `grant_micros`: what the call may cost at most, None for no cap."""

    facts: RequestFacts
    events: tuple[Event, ...] = ()
    round: int = 1
    grant_micros: int | None = None


class PrepareInput(Work):
    """Understand the message, and draft a plan at once when nothing has to be asked."""

    clarification: Clarification | None = None
    kinds: tuple[str, ...] = ()
    max_steps: int = 200


class DraftPlan(Value):
    """A planner's draft after parsing: `steps` is empty when the answer could not be read; `problems` says why."""

    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()


class Prepared(Value):
    """`draft` is None when the request is simple or must be clarified first."""

    understanding: Understanding
    draft: DraftPlan | None = None
    cost_micros: int = 0


class MakePlanInput(Work):
    """Draft a plan again: after a clarification, as a repair (`problems`) or as a replan (`steps`, `failure`)."""

    understanding: Understanding
    kinds: tuple[str, ...]
    max_steps: int
    steps: tuple[Step, ...] = ()
    summaries: tuple[StepSummary, ...] = ()
    results: dict[str, Text] = {}
    failure: str | None = None
    problems: tuple[Problem, ...] = ()


class MadePlan(Value):
    """A draft and what it cost."""

    draft: DraftPlan
    cost_micros: int = 0


class ExecuteInput(Work):
    """One round of one generate step. `inputs`: results of the steps it depends on.

    `with_message`: give the model the user's message, context and conversation too (the one step of a simple request).
    """

    step: Step
    inputs: dict[str, Text] = {}
    language: str = "en"
    feedback: str | None = None
    with_message: bool = False


class Executed(Value):
    """One round's end. `evaluation` None: every rule passed and the step wants a model's verdict.

    `error` is set when the model gave no answer for good: a code of `domain.errors` and a sentence. `recorded`: the
    step has succeeded by rule, and its `step.finished` stands in the log. `hold`: this is no end, a person
    decides how it goes on.
    """

    text: Text | None = None
    evaluation: Evaluation | None = None
    error: str | None = None
    error_code: str | None = None
    recorded: bool = False
    cost_micros: int = 0
    hold: Hold | None = None


class EvaluateInput(Work):
    """Ask a model for a verdict on a step's result."""

    step: Step
    result: Text


class Evaluated(Value):
    """A verdict and what it cost."""

    evaluation: Evaluation
    cost_micros: int = 0


class StepEnd(Value):
    """A step's end as the synthesizer needs it."""

    id: str
    prompt: Text
    status: StepStatus
    text: Text | None = None
    note: str | None = None


class SynthesizeInput(Work):
    """Write the final answer from the steps' ends."""

    language: str
    ends: tuple[StepEnd, ...]


class Synthesized(Value):
    """The final answer. `by`: `rule` when no model was asked or none answered."""

    answer: Text
    by: Literal["model", "rule"]
    cost_micros: int = 0


class RecordInput(Value):
    """Append events, nothing else."""

    facts: RequestFacts
    events: tuple[Event, ...]


class CheckConditionInput(Value):
    """Evaluate a condition whose results are not inline."""

    condition: str
    statuses: dict[str, StepStatus]
    results: dict[str, Text]


class StepLaunch(Value):
    """Input of the step runner, inline or as StepWorkflow.

    `first_round` … `first_round + step.max_retries` belong to this launch; `launch` counts the step's launches from 1.
    A tool step has its `call`; `again`: see `contracts.tools.CallToolInput`.
    """

    facts: RequestFacts
    step: Step
    inputs: dict[str, Text] = {}
    launch: int = 1
    first_round: int = 1
    grant_micros: int | None = None
    language: str = "en"
    with_message: bool = False
    deadline_at: datetime | None = None
    call: ReadyCall | None = None
    again: bool = False


class Seed(Value):
    """What a request with a plan of its own starts from: a fork's, with the results of steps that keep theirs."""

    plan: Plan
    understanding: Understanding
    results: dict[str, Text] = {}
    forked_from: str | None = None
