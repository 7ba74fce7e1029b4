"""Asking a model from an activity: the work's facts and a document become a journaled call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from activities.granting import Granting
from contracts.calls import Work
from domain.value import Value
from services.llm.assignment import Assignment, CallResult, Conclude
from services.llm.caller import ModelCaller
from services.llm.chat import ChatRequest
from services.llm.prompts import Task, prompt
from services.storage.journal import CallKey
from services.storage.statements import Statements

UNDERSTAND, PLAN, SYNTHESIZE = "@understand", "@plan", "@synthesize"
"""The coordinator's slots; see `contracts.calls`."""


@dataclass(frozen=True)
class Ask:
    """One question to a model.

    `model` None: the request's, else the deployment's; `timeout_s` bounds the call; `conclude`: see `Assignment`.
    """

    task: Task
    slot: str
    timeout_s: float
    model: str | None = None
    streams: bool = False
    conclude: Conclude | None = None


class Models:
    """The models as activities see them."""

    def __init__(self, caller: ModelCaller, default_model: Callable[[], str], granting: Granting | None = None) -> None:
        """Ask through `caller`; what `default_model` names answers where nobody chose another."""
        self._caller = caller
        self._granting = granting or Granting()
        self._default_model = default_model

    async def ask(self, work: Work, ask: Ask, document: Callable[[Statements], Awaitable[Value]]) -> CallResult:
        """Ask, with the document that `document` makes from what it reads.

        Raises:
            CallFailed, NotFound, Unavailable: As `services.llm.caller.ModelCaller.call`.
        """
        wanted = prompt(ask.task)

        async def compose(where: Statements) -> ChatRequest:
            model = ask.model or work.facts.options.model or self._default_model()
            await self._granting.check_model(where, work, model)
            made = await document(where)
            return ChatRequest.task(
                model=model,
                system=wanted.system,
                user=made.model_dump_json(exclude_none=True),
                max_output_tokens=wanted.max_output_tokens,
                timeout_s=ask.timeout_s,
                json_schema=wanted.json_schema,
            )

        assignment = Assignment(
            key=CallKey(work.facts.request_id, ask.slot, work.round),
            owner=work.facts.owner,
            events=work.events,
            grant_micros=work.grant_micros,
            streams=ask.streams,
            conclude=ask.conclude,
        )
        return await self._caller.call(assignment, compose)
