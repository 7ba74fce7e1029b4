"""Requests and plans in S1's shapes."""

from api.documents.central_agent import (
    ActionPlan,
    ActionStep,
    CamelProcessedInput,
    ProcessAnswer,
    Status,
    StepEvaluation,
)
from api.documents.texts import Excerpt, excerpts, whole
from domain.content import Text
from domain.evaluation import Evaluation
from domain.request import Outcome, Phase, ProcessedInput
from domain.step import StepStatus
from services.storage.database import Tx
from services.storage.views import plans as plans_view
from services.storage.views.plans import PlanView
from services.storage.views.requests import RequestView
from services.storage.views.steps import StepView

_CHARS = 20_000


async def process_answer(tx: Tx, view: RequestView) -> ProcessAnswer:
    """Return a request's end as `/process` answers it."""
    plan = await plans_view.plan(tx, view.owner, view.id) if view.plan_version else None
    return ProcessAnswer(
        processed_input=_processed(view.processed_input),
        action_plan=await action_plan(tx, view, plan) if plan else None,
        result=await _result(tx, view.outcome),
    )


async def action_plan(tx: Tx, view: RequestView, plan: PlanView) -> ActionPlan:
    """Return a plan in S1's shape."""
    results: dict[str, Text | None] = {f"result/{step.step.id}": step.result for step in plan.steps}
    prompts: dict[str, Text | None] = {f"prompt/{step.step.id}": step.step.prompt for step in plan.steps}
    texts = await excerpts(tx, {**prompts, **results}, _CHARS)
    return ActionPlan(
        id=view.id,
        user_id=view.user_id,
        status=_phase_status(view.phase),
        steps=[_step(step, texts) for step in plan.steps],
        current_step_index=_current(plan),
        execution_context={
            "planVersion": plan.plan.version,
            "conversationId": view.conversation_id,
            "language": view.language,
            "costMicros": view.cost_micros,
            "simulated": view.simulated,
        },
    )


def _step(view: StepView, texts: dict[str, Excerpt]) -> ActionStep:
    step, result = view.step, texts.get(f"result/{view.step.id}")
    return ActionStep(
        id=step.id,
        agent_type=step.kind.value,
        prompt=texts[f"prompt/{step.id}"].text,
        status=_step_status(view.status),
        depends_on=list(step.depends_on),
        condition=step.condition,
        result=result.text if result else None,
        evaluation=_evaluation(view.evaluation),
        max_retries=step.max_retries,
        timeout=round(step.timeout_s * 1000),
        mcp_target_server_id=step.mcp_target_server_id,
        mcp_action_type=step.mcp_action_type,
        mcp_action_name=step.mcp_action_name,
        mcp_parameters=step.mcp_parameters,
    )


def _processed(understood: ProcessedInput | None) -> CamelProcessedInput | None:
    return None if understood is None else CamelProcessedInput.model_validate(understood.model_dump(mode="json"))


def _evaluation(evaluation: Evaluation | None) -> StepEvaluation | None:
    if evaluation is None:
        return None
    return StepEvaluation.model_validate(evaluation.model_dump(exclude={"by"}))


async def _result(tx: Tx, outcome: Outcome | None) -> str | None:
    if outcome is None:
        return None
    answer = await whole(tx, outcome.answer)
    return answer if answer is not None else f"{outcome.phase.value}: {outcome.detail or outcome.reason}"


def _phase_status(phase: Phase) -> Status:
    if phase is Phase.DONE:
        return "Succeeded"
    if phase.is_end:
        return "Failed"
    return "Running" if phase in (Phase.RUNNING, Phase.SYNTHESIZING) else "Pending"


def _step_status(status: StepStatus) -> Status:
    """S1 knows four: a step that was skipped or cancelled has no result, which is what Failed says."""
    if status.has_result:
        return "Succeeded"
    if status.is_end:
        return "Failed"
    return "Running" if status.is_active else "Pending"


def _current(plan: PlanView) -> int:
    open_steps = (index for index, step in enumerate(plan.steps) if not step.status.is_end)
    return next(open_steps, len(plan.steps))
