"""Plans as documents: steps with cut texts, one step in full, the difference of two versions."""

from typing import Any

from api.caller import Caller
from api.documents.plans import Change, ChangedStep, PlanDiff, PlanDocument, StepDocument
from api.documents.texts import Excerpt, excerpts, whole
from api.parts import Parts
from domain.content import Text
from domain.plan import Plan
from domain.step import Step
from services.storage.database import Tx
from services.storage.views import plans as plans_view
from services.storage.views.plans import PlanView
from services.storage.views.steps import StepView

_OF_STEP = (
    "id",
    "kind",
    "depends_on",
    "condition",
    "max_retries",
    "timeout_s",
    "model",
    "budget_micros",
    "evaluate",
    "expects",
    "default",
    "mcp_target_server_id",
    "mcp_action_type",
    "mcp_action_name",
    "mcp_parameters",
    "pin",
)
_OF_RUN = (
    "status",
    "round",
    "child",
    "evaluation",
    "note",
    "feedback",
    "cost_micros",
    "started_at",
    "finished_at",
)


async def load_plan(parts: Parts, caller: Caller, request_id: str, version: int | None = None) -> PlanDocument:
    """Return a version of a request's plan, the newest by default.

    Raises:
        NotFound: No such request or version, or it is another owner's.
    """
    async with parts.database.transaction() as tx:
        return await plan_document(tx, await plans_view.plan(tx, caller.owner, request_id, version))


async def plan_document(tx: Tx, view: PlanView) -> PlanDocument:
    """Return a plan, prompts and results cut to 2,000 characters."""
    return PlanDocument(
        request_id=view.request_id,
        version=view.plan.version,
        origin=view.plan.origin,
        reason=view.plan.reason,
        created_at=view.created_at,
        steps=await _steps(tx, view.steps),
    )


async def whole_step(tx: Tx, step: StepView) -> StepDocument:
    """Return one step with its texts in full."""
    texts = {"prompt": step.step.prompt, "result": step.result}
    loaded = {f"{name}/{step.step.id}": await whole(tx, text) for name, text in texts.items()}
    full = {key: Excerpt(text=text, size=len(text.encode())) for key, text in loaded.items() if text is not None}
    return _step(step, full)


async def _steps(tx: Tx, steps: tuple[StepView, ...]) -> list[StepDocument]:
    results: dict[str, Text | None] = {f"result/{view.step.id}": view.result for view in steps}
    prompts: dict[str, Text | None] = {f"prompt/{view.step.id}": view.step.prompt for view in steps}
    texts = await excerpts(tx, {**prompts, **results})
    return [_step(view, texts) for view in steps]


def _step(view: StepView, texts: dict[str, Excerpt]) -> StepDocument:
    return StepDocument(
        **{name: getattr(view.step, name) for name in _OF_STEP},
        **{name: getattr(view, name) for name in _OF_RUN},
        prompt=texts[f"prompt/{view.step.id}"],
        result=texts.get(f"result/{view.step.id}"),
    )


def diff(request_id: str, old: Plan, new: Plan) -> PlanDiff:
    """Return what differs between two versions of a plan. A prompt too long for the plan is shown as its reference."""
    before, after = old.by_id(), new.by_id()
    changed = [
        ChangedStep(step_id=step.id, fields=fields)
        for step in new.steps
        if step.id in before and (fields := _changes(before[step.id], step))
    ]
    return PlanDiff(
        request_id=request_id,
        from_version=old.version,
        to_version=new.version,
        added=[step.id for step in new.steps if step.id not in before],
        dropped=[step.id for step in old.steps if step.id not in after],
        changed=changed,
    )


def _changes(old: Step, new: Step) -> dict[str, Change]:
    before, after = _fields(old), _fields(new)
    return {name: {"from": before[name], "to": after[name]} for name in after if before[name] != after[name]}


def _fields(step: Step) -> dict[str, Any]:
    fields = step.model_dump(mode="json")
    return {**fields, "prompt": step.prompt.text if step.prompt.ref is None else step.prompt.ref}
