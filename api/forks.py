"""Forking: a new request from an earlier one's plan, with edits, that keeps the results before the chosen step."""

from dataclasses import dataclass
from datetime import UTC, datetime

from api.caller import Caller
from api.documents.messages import ForkBody
from api.parts import Parts
from api.submitting import Submission
from contracts.calls import Seed
from domain.admission import admit
from domain.amendment import AmendContext, Amended, amend
from domain.content import Text
from domain.documents import Entity, Understanding
from domain.edits import Amendment
from domain.errors import InvalidInput
from domain.forking import Forked, fork
from domain.plan import Plan
from domain.request import Caps, Options
from domain.step import Step, StepRun, StepStatus
from services.storage import blobs
from services.storage.database import Tx
from services.storage.requests import Idempotency
from services.storage.views import plans as plans_view
from services.storage.views import requests as requests_view
from services.storage.views.plans import PlanView
from services.storage.views.requests import RequestView


@dataclass(frozen=True)
class PreparedFork:
    """A fork ready to be submitted, and what it does to the steps."""

    submission: Submission
    kept: list[str]
    rerun: list[str]


async def prepare_fork(
    parts: Parts, caller: Caller, request_id: str, body: ForkBody, idempotency: Idempotency | None
) -> PreparedFork:
    """Make the fork's plan and options; nothing is accepted yet.

    Raises:
        NotFound: No such request, it has no plan, or it is another owner's.
        InvalidInput: There is no such step, or the plan would not be admitted.
        AmendmentRefused: The edits do not pass.
    """
    async with parts.database.transaction() as tx:
        source = await requests_view.get(tx, caller.owner, request_id)
        view = await plans_view.plan(tx, caller.owner, request_id)
        options = _merge(source.options, body.options)
        plan, results, options = _edited(_forked(view, body.from_step), body, options, parts.values.caps)
        if view.plan.origin == "rule" and len(plan.steps) == 1:
            plan = plan.model_copy(update={"origin": "rule"})  # its one step still wants message and conversation
        seed = Seed(plan=plan, understanding=_understanding(source, plan), forked_from=source.id)
        seed = await _stored(tx, seed, results)
    submission = Submission(
        message=source.message,
        options=options,
        conversation_id=source.conversation_id,
        user_id=source.user_id,
        idempotency=idempotency,
        seed=seed,
    )
    kept = [step.id for step in plan.steps if step.id in results]
    return PreparedFork(submission, kept, [step.id for step in plan.steps if step.id not in results])


def _forked(view: PlanView, from_step: str) -> Forked:
    runs = {step.step.id: StepRun(status=step.status, result=step.result) for step in view.steps}
    return fork(view.plan, runs, from_step)


def _merge(source: Options, given: Options) -> Options:
    return source.model_copy(update={name: getattr(given, name) for name in given.model_fields_set})


def _edited(forked: Forked, body: ForkBody, options: Options, caps: Caps) -> tuple[Plan, dict[str, Text], Options]:
    """Apply the edits to the fork's plan as an amendment; steps that keep their results count as succeeded."""
    if not body.edits:
        problems = admit(forked.plan.steps, caps)
        if problems:
            raise InvalidInput(problems[0].message, problems)
        return forked.plan, forked.results, options
    kept = {name: StepRun(status=StepStatus.SUCCEEDED, result=text) for name, text in forked.results.items()}
    now = datetime.now(UTC)
    context = AmendContext(now=now, budget_micros=options.budget_micros)
    amended = amend(forked.plan, kept, Amendment(expected_version=1, edits=body.edits), caps, context)
    plan = forked.plan.model_copy(update={"steps": amended.plan.steps})
    return plan, {**forked.results, **amended.results}, _changed(options, amended, now)


def _changed(options: Options, amended: Amended, now: datetime) -> Options:
    changes: dict[str, object] = {}
    if amended.deadline_at is not None:
        changes["deadline_s"] = max((amended.deadline_at - now).total_seconds(), 1.0)
    if amended.model is not None:
        changes["model"] = amended.model
    if amended.budget_micros is not None:
        changes["budget_micros"] = amended.budget_micros
    return options.model_copy(update=changes)


def _understanding(source: RequestView, plan: Plan) -> Understanding:
    """Return what the source understood; a source that never got so far is understood by its plan alone."""
    understood = source.processed_input
    if understood is None:
        return Understanding(intent="fork", detailed_description=plan.reason or "", language=source.language or "en")
    return Understanding(
        intent=understood.intent,
        entities=tuple(Entity.model_validate(entity) for entity in understood.entities),
        required_agents=understood.required_agents,
        detailed_description=understood.detailed_description,
        language=source.language or "en",
    )


async def _stored(tx: Tx, seed: Seed, results: dict[str, Text]) -> Seed:
    """Move long texts of the edits to the blob store, so that the start of the workflow stays small."""
    texts = {f"result/{name}": text for name, text in results.items()}
    texts |= {f"prompt/{step.id}": step.prompt for step in seed.plan.steps}
    long = {key: text.text for key, text in texts.items() if text.needs_blob and text.text is not None}
    stored = {**texts, **await blobs.put_many(tx, long)}
    steps = tuple(_with_prompt(step, stored[f"prompt/{step.id}"]) for step in seed.plan.steps)
    kept = {name: stored[f"result/{name}"] for name in results}
    return seed.model_copy(update={"plan": seed.plan.model_copy(update={"steps": steps}), "results": kept})


def _with_prompt(step: Step, prompt: Text) -> Step:
    return step if step.prompt is prompt else step.model_copy(update={"prompt": prompt})
