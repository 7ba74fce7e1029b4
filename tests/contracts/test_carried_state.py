"""A continue-as-new carries everything: a state in which nothing has its default arrives the same."""

from dataclasses import MISSING, fields
from datetime import UTC, datetime

from contracts.calls import RequestFacts
from contracts.names import RequestInput
from domain.content import Text
from domain.documents import Entity, Understanding
from domain.errors import Problem
from domain.evaluation import Evaluation, Expectation
from domain.events import Event, EventType
from domain.plan import Plan
from domain.request import Approval, ApprovalKind, Outcome, Phase, Question
from domain.run_state import DueReplan, Refusal, RunState, Stop
from domain.step import Step, StepRun, StepStatus
from domain.tools import Action, ActionType, Change, Effect
from runtime.temporal import DATA_CONVERTER

NOW = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
TEXT = Text(ref="sha256:0", size=5000)
APPROVAL = Approval(
    id="a_1",
    plan_version=1,
    expires_at=NOW,
    kind=ApprovalKind.DRIFT,
    default="approve",
    step_id="s1",
    action=Action(server="notes", type=ActionType.TOOL, name="note_create"),
    effect=Effect.WRITE,
    arguments=TEXT,
    changes=(Change(field="description", before="a", after=None),),
    reason="r",
)
STEP = Step(
    id="s1",
    prompt=TEXT,
    depends_on=("s0",),
    condition="status(s0) == 'failed'",
    timeout_s=0.5,
    expects=Expectation(format="json"),
)
FULL = RunState(
    started_at=NOW,
    depth=2,
    budget_micros=10**15,
    deadline_at=NOW,
    model="model-a",
    phase=Phase.RUNNING,
    paused=True,
    understanding=Understanding(intent="i", detailed_description="đ", entities=(Entity(type="t", value="v"),)),
    plan=Plan(steps=(STEP,), origin="replan", reason="why"),
    runs={"s1": StepRun(status=StepStatus.WAITING, evaluation=Evaluation(success=False, reason="r"), result=TEXT)},
    retired={"s9": StepRun(next_round=7, launches=2, cost_micros=5)},
    open_launches=["s1/1"],
    spent_micros=3,
    grants={"s1/1": 5},
    checked={"s1": False},
    replans=1,
    due_replan=DueReplan(step_id="s1", reason="r"),
    stop=Stop(phase=Phase.CANCELLED, reason="cancelled", detail="by the user"),
    rounds={"@plan": 2},
    questions={"q_1": Question(id="q_1", text=TEXT, default="d", expires_at=NOW, step_id="s1")},
    replies={"q_1": "reply"},
    approvals={"a_1": APPROVAL},
    decisions={"a_1": "deny"},
    approved_rest=True,
    approved_tools=["notes: note_create"],
    approved_calls={"s1/1": "0123"},
    children={"s1/1": "req_2"},
    child_outcomes={"s1/1": Outcome(phase=Phase.FAILED, reason="r", partial=True)},
    answered={"m1": {"version": 2, "kept": ["s1", None, 1.5]}},
    refusals=[Refusal(message="amend", message_id=None, problems=(Problem(code="c", path="/p", message="m"),))],
    outbox=[Event(source="wf", source_seq=1, type=EventType.REQUEST_PHASE, data={"v": 1, "phase": "running"})],
    event_seq=1,
    answer=Text.inline("answer"),
    closing=True,
)


def test_nothing_in_the_state_has_its_default() -> None:
    untouched = [
        item.name
        for item in fields(RunState)
        if getattr(FULL, item.name) == (item.default_factory() if item.default_factory is not MISSING else item.default)
    ]
    assert untouched == []


def test_a_carried_state_arrives_the_same() -> None:
    request = RequestInput(facts=RequestFacts(request_id="req_1", owner="local", message=TEXT), carried=FULL)
    converter = DATA_CONVERTER.payload_converter
    arrived = converter.from_payload(converter.to_payload(request), RequestInput)
    assert arrived.carried == FULL
    assert arrived == request
    assert {name: type(getattr(arrived.carried, name)) for name in vars(FULL)} == {
        name: type(value) for name, value in vars(FULL).items()
    }
