"""Workflows by name, with their inputs and outputs; search attributes; the task queue."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from contracts.calls import RequestFacts, Seed
from domain.placement import Placement
from domain.request import Caps, Phase
from domain.run_state import RunState
from domain.value import Value

REQUEST_WORKFLOW = "RequestWorkflow"
"""Takes `RequestInput`, gives `domain.request.Outcome`. Its id is the request's id."""

STEP_WORKFLOW = "StepWorkflow"
"""Takes `contracts.calls.StepLaunch`, gives `domain.step.StepResult`. Its id is `domain.ids.step_workflow_id`."""

TASK_QUEUE = "longhaul"
"""The default task queue; `LONGHAUL_TASK_QUEUE` chooses another."""

OWNER = SearchAttributeKey.for_keyword("LonghaulOwner")
PHASE = SearchAttributeKey.for_keyword("LonghaulPhase")
KIND = SearchAttributeKey.for_keyword("LonghaulKind")
MODEL = SearchAttributeKey.for_keyword("LonghaulModel")
SEARCH_ATTRIBUTES = (OWNER, PHASE, KIND, MODEL)
DEFAULT_MODEL = "default"
"""What stands for the deployment's own model."""


def search_attributes(facts: RequestFacts, kind: str) -> TypedSearchAttributes:
    """Return what a request's workflow starts with; `kind`: request or sub-request.

    The phases before the first wait count as running: they are gone at once.
    """
    return TypedSearchAttributes(
        [
            SearchAttributePair(OWNER, facts.owner),
            SearchAttributePair(PHASE, Phase.RUNNING.value),
            SearchAttributePair(KIND, kind),
            SearchAttributePair(MODEL, facts.options.model or DEFAULT_MODEL),
        ]
    )


class RequestInput(Value):
    """Input of RequestWorkflow.

    `accepted`: whether the request has its row already, as the API makes it; else the first activity makes it, as for a
    sub-request and for a request started by hand. `seed`: start from this plan instead of understanding and planning.
    `carried`: the state of the run before a continue-as-new. `search_attributes`: whether the server has ours.
    """

    facts: RequestFacts
    accepted: bool = False
    caps: Caps = Caps()
    placement: Placement = Placement.AUTO
    search_attributes: bool = True
    seed: Seed | None = None
    carried: RunState | None = None
    rollover_after_steps: int | None = None
