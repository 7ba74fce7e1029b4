"""Whole lives of requests as events, for the read models."""

from datetime import UTC, datetime
from typing import Any

from domain.content import Text
from domain.evaluation import Evaluation
from domain.events import Event, EventType
from domain.plan import Plan
from domain.request import Approval, Outcome, Phase, Question
from domain.step import Step, StepKind
from tests.storage.samples import event, event_of, phase

LATER = datetime(2030, 1, 1, tzinfo=UTC)
FIRST, SECOND, HUMAN = (
    Step(id="s1", prompt=Text.inline("Find the facts")),
    Step(id="s2", prompt=Text.inline("Write it up"), depends_on=("s1",)),
    Step(id="s3", kind=StepKind.HUMAN, prompt=Text.inline("Is it good?"), depends_on=("s2",)),
)
PLAN = Plan(steps=(FIRST, SECOND, HUMAN))
AMENDED = PLAN.next_version((FIRST, SECOND), "amendment", "no need to ask")
QUESTION = Question(id="q_s3_1", text=Text.inline("Is it good?"), default="yes", expires_at=LATER, step_id="s3")
APPROVAL = Approval(id="a_plan_1", plan_version=1, expires_at=LATER)
ANSWER = Text.inline("All is well")
OUTCOME = Outcome(phase=Phase.DONE, answer=ANSWER, cost_micros=30)
PROCESSED: dict[str, Any] = {
    "intent": "report",
    "entities": [],
    "required_agents": [],
    "detailed_description": "Report on Apollo",
}


def started(step_id: str, round_no: int = 1, *, retried: bool = False, **more: object) -> Event:
    kind = EventType.STEP_RETRIED if retried else EventType.STEP_STARTED
    return event_of(kind, {"step_id": step_id, "round": round_no, **more}, f"step/{step_id}", round_no)


def finished(step_id: str, round_no: int = 3, status: str = "succeeded", **more: object) -> Event:
    data = {"step_id": step_id, "round": round_no, "status": status, "result": ANSWER.model_dump(), "note": None}
    evaluation = Evaluation(success=True).model_dump()
    return event_of(EventType.STEP_FINISHED, {**data, "evaluation": evaluation, **more})


def cost(step_id: str | None, micros: int, call_id: str) -> Event:
    data = {"micros": micros, "usage": None, "model": "m"}
    return event(EventType.COST, f"cost/{call_id}", 1, step_id=step_id, call_id=call_id, **data)


def plan_event(plan: Plan, **changes: list[str]) -> Event:
    kind = EventType.PLAN_CREATED if plan.version == 1 else EventType.PLAN_AMENDED
    data = {"kept": [], "cancelled": [], "rerun": [], **changes}
    return event_of(kind, {"plan": plan.model_dump(mode="json"), **data})


def asked(question: Question = QUESTION) -> Event:
    return event(EventType.QUESTION_ASKED, question=question.model_dump(mode="json"))


def answered(question_id: str = QUESTION.id) -> Event:
    return event(EventType.QUESTION_ANSWERED, question_id=question_id, reply="yes")


def until_running() -> list[Event]:
    return [
        phase("understanding"),
        cost(None, 5, "c0"),
        event(EventType.REQUEST_UNDERSTOOD, processed_input=PROCESSED, language="fr"),
        phase("planning"),
        event(EventType.PLAN_REFUSED, problems=[], attempt=1),
        plan_event(PLAN),
        event(EventType.APPROVAL_ASKED, approval=APPROVAL.model_dump(mode="json")),
        event(EventType.APPROVAL_DECIDED, approval_id=APPROVAL.id, decision="approve"),
        phase("running"),
    ]


def end() -> Event:
    return event(EventType.REQUEST_FINISHED, outcome=OUTCOME.model_dump(mode="json"))


def whole_life() -> list[Event]:
    return [
        *until_running(),
        started("s1", child="child-id"),
        event(EventType.TEXT_DELTA, "call/c1", 1, step_id="s1", call_id="c1", text="All"),
        event(EventType.TEXT_RESET, "call/c1", 2, step_id="s1", call_id="c1"),
        cost("s1", 10, "c1"),
        started("s1", 2, retried=True, feedback="too short"),
        cost("s1", 7, "c2"),
        finished("s1"),
        started("s2"),
        finished("s2"),
        asked(),
        plan_event(AMENDED, cancelled=["s3"], kept=["s1"], rerun=["s2"]),
        event(EventType.MESSAGE_REFUSED, message="amend", message_id=None, problems=[]),
        started("s2", 4),
        finished("s2", 6, "accepted", note="not so good"),
        end(),
    ]
