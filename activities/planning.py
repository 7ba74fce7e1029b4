"""The Planning port: understanding requests and drafting plans."""

from temporalio import activity

from activities import reading
from activities.attempt import TimeLeft, check_cancelled_on_purpose
from activities.errors import Mapped
from activities.granting import Granting
from activities.heartbeat import Beating
from activities.material import Background, background, load_cut
from activities.models import PLAN, UNDERSTAND, Ask, Models
from contracts.calls import DraftPlan, MadePlan, MakePlanInput, Prepared, PrepareInput, RequestFacts
from contracts.ports import Planning
from domain.content import Text
from domain.documents import PlanDocument, StepSummary, ToolOffer, UnderstandDocument, Understanding
from domain.step import StepKind
from services.llm.assignment import CallFailed
from services.llm.prompts import Task
from services.storage import blobs
from services.storage.database import Database
from services.storage.statements import Statements
from services.tools.registry import binding
from services.tools.registry.offers import offers

QUERY_CHARS = 4_000
"""Characters of the message, and of its description, that tools are looked for by."""
RESULT_CHARS = 2_000
"""Characters of a step's result or prompt that a planner gets to see."""


class ModelPlanning(Planning):
    """Planning by a model."""

    def __init__(self, db: Database, models: Models, granting: Granting | None = None) -> None:
        self._db = db
        self._models = models
        self._granting = granting or Granting()

    @activity.defn(name="prepare")
    async def prepare(self, request: PrepareInput) -> Prepared:
        """Understand the message in its context; when it is clear and not simple, draft a plan too."""
        time_left = TimeLeft()
        with Mapped():
            async with Beating():
                return await self._prepare(request, time_left)

    @activity.defn(name="make_plan")
    async def make_plan(self, request: MakePlanInput) -> MadePlan:
        """Draft a plan, a repair of a refused draft, or a replan after a failure."""
        time_left = TimeLeft()
        with Mapped():
            async with Beating():
                return await self._draft(request, time_left)

    async def _prepare(self, request: PrepareInput, time_left: TimeLeft) -> Prepared:
        known: list[Background] = []

        async def document(where: Statements) -> UnderstandDocument:
            known[:] = [await background(where, request.facts)]
            replied = (request.clarification.reply or "") if request.clarification else ""
            found = await self._tools(where, request.facts, request.kinds, (known[0].message, replied))
            return UnderstandDocument(
                message=known[0].message,
                language=request.facts.options.language,
                context=known[0].context,
                history=known[0].history,
                clarification=request.clarification,
                tools=tuple(f"{tool.mcp_target_server_id}/{tool.mcp_action_name}" for tool in found),
            )

        answer = await self._models.ask(request, Ask(Task.UNDERSTAND, UNDERSTAND, time_left.seconds()), document)
        if activity.is_cancelled():
            check_cancelled_on_purpose()
        understanding = reading.understanding(answer, known[0].message, request.facts.options.language)
        if activity.is_cancelled() or not _wants_plan(understanding, request):
            return Prepared(understanding=understanding, cost_micros=answer.cost_micros)
        try:
            made = await self._draft(_first_plan(request, understanding, answer.cost_micros), time_left)
        except CallFailed as failed:
            raise CallFailed(failed.error, failed.cost_micros + answer.cost_micros, tries=failed.tries) from None
        return Prepared(
            understanding=understanding, draft=made.draft, cost_micros=answer.cost_micros + made.cost_micros
        )

    async def _draft(self, request: MakePlanInput, time_left: TimeLeft) -> MadePlan:
        async def document(where: Statements) -> PlanDocument:
            return await self._plan_document(where, request)

        answer = await self._models.ask(request, Ask(Task.PLAN, PLAN, time_left.seconds()), document)
        if answer.cancelled:
            check_cancelled_on_purpose()
            return MadePlan(draft=DraftPlan(), cost_micros=answer.cost_micros)
        draft = await self._bind(request.facts, reading.draft(answer, request.max_steps))
        draft = await self._store_prompts(draft)
        return MadePlan(draft=draft, cost_micros=answer.cost_micros)

    async def _bind(self, facts: RequestFacts, draft: DraftPlan) -> DraftPlan:
        """Look up the tools of a draft's steps; problems take the steps' place."""
        if not any(step.kind is StepKind.TOOL for step in draft.steps):
            return draft
        may_use = await self._granting.tools(facts)
        servers = facts.options.tool_servers
        steps, problems = await binding.bind(self._db, facts.owner, draft.steps, servers, may_use=may_use)
        return DraftPlan(problems=problems) if problems else DraftPlan(steps=steps)

    async def _plan_document(self, where: Statements, request: MakePlanInput) -> PlanDocument:
        known = await background(where, request.facts)
        wanted = (known.message, request.understanding.detailed_description)
        tools = await self._tools(where, request.facts, request.kinds, wanted)
        return PlanDocument(
            message=known.message,
            understanding=request.understanding,
            context=known.context,
            kinds=tuple(kind for kind in request.kinds if tools or kind != StepKind.TOOL),
            max_steps=request.max_steps,
            tools=tools,
            steps=await _summaries(where, request),
            failure=request.failure,
            problems=request.problems,
        )

    async def _tools(
        self, where: Statements, facts: RequestFacts, kinds: tuple[str, ...], wanted: tuple[str, ...]
    ) -> tuple[ToolOffer, ...]:
        """Look for tools that fit what is wanted, where a plan may call any."""
        if StepKind.TOOL not in kinds:
            return ()
        query = "\n".join(text[:QUERY_CHARS] for text in dict.fromkeys(wanted))
        may_use = await self._granting.tools(facts)
        return await offers(where, facts.owner, facts.options.tool_servers, query, may_use=may_use)

    async def _store_prompts(self, draft: DraftPlan) -> DraftPlan:
        """Move long prompts to the blob store; no statement when all are short."""
        long = {str(index): step.prompt.text or "" for index, step in enumerate(draft.steps) if step.prompt.needs_blob}
        if not long:
            return draft
        stored = await blobs.put_many(self._db, long)
        steps = tuple(
            step.model_copy(update={"prompt": stored[str(index)]}) if str(index) in stored else step
            for index, step in enumerate(draft.steps)
        )
        return draft.model_copy(update={"steps": steps})


def _wants_plan(understanding: Understanding, request: PrepareInput) -> bool:
    return not understanding.simple and (understanding.clear or request.clarification is not None)


def _first_plan(request: PrepareInput, understanding: Understanding, spent_micros: int) -> MakePlanInput:
    grant = request.grant_micros
    return MakePlanInput(
        facts=request.facts,
        round=request.round,
        grant_micros=None if grant is None else max(grant - spent_micros, 0),
        understanding=understanding,
        kinds=request.kinds,
        max_steps=request.max_steps,
    )


async def _summaries(where: Statements, request: MakePlanInput) -> tuple[StepSummary, ...]:
    """Fill in the steps' results, and the prompts that the workflow has by reference only."""
    texts: dict[str, Text] = {f"result/{step_id}": text for step_id, text in request.results.items()}
    texts |= {f"prompt/{step.id}": step.prompt for step in request.steps}
    loaded = await load_cut(where, texts)
    return tuple(
        summary.model_copy(
            update={
                "prompt": loaded.get(f"prompt/{summary.id}", summary.prompt)[:RESULT_CHARS],
                "result": _beginning(loaded.get(f"result/{summary.id}", summary.result)),
            }
        )
        for summary in request.summaries
    )


def _beginning(text: str | None) -> str | None:
    return None if text is None else text[:RESULT_CHARS]
