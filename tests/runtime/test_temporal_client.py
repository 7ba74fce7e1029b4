"""The client: what it sends comes back the same, and a server that is down is an error soon."""

import inspect
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel
from temporalio.client import Client

from contracts import calls, messages, names
from domain.content import Text
from domain.documents import Clarification, Entity, Understanding
from domain.errors import Problem, Unavailable
from domain.evaluation import Evaluation, Expectation
from domain.events import Event, EventType
from domain.plan import Plan
from domain.request import Approval, Outcome, ParentStep, Phase, Question
from domain.run_state import Refusal
from domain.step import Step, StepResult, StepStatus
from runtime import temporal
from runtime.settings import Settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TYPES: list[type[Any]] = [
    member
    for module in (calls, messages, names)
    for _, member in inspect.getmembers(module, inspect.isclass)
    if issubclass(member, BaseModel) and member.__module__ == module.__name__
] + [Outcome, StepResult]


def round_trip(value: Any, kind: Any) -> Any:
    converter = temporal.DATA_CONVERTER.payload_converter
    return converter.from_payload(converter.to_payload(value), kind)


STEP = Step(
    id="s1",
    prompt=Text.inline("x"),
    timeout_s=5,
    expects=Expectation(format="json"),
    depends_on=("s0",),
)
PLAN = Plan(steps=(STEP,), origin="replan", reason="why")
EVENT = Event(source="wf", source_seq=1, type=EventType.REQUEST_PHASE, data={"v": 1, "phase": "running"})
PARENT = ParentStep(request_id="req_0", step_id="s9", launch=1)
FACTS = calls.RequestFacts(request_id="req_1", owner="local", message=Text.inline("hi"), parent=PARENT)
UNDERSTOOD = Understanding(intent="i", detailed_description="d", entities=(Entity(type="t", value="v"),))
EVALUATION = Evaluation(success=False, reason="r")
OUTCOME = Outcome(phase=Phase.DONE, answer=Text.inline("a"))
PROBLEM = Problem(code="c", path="/p", message="m")
DRAFT = calls.DraftPlan(steps=(STEP,), problems=(PROBLEM,))
END = calls.StepEnd(id="s1", prompt=Text.inline("x"), status=StepStatus.FAILED, note="n")
QUESTION = Question(id="q_1", text=Text.inline("what?"), default=None, expires_at=NOW)
VALUES: list[Any] = [
    FACTS,
    DRAFT,
    END,
    OUTCOME,
    calls.Work(facts=FACTS, events=(EVENT,), grant_micros=7),
    calls.PrepareInput(facts=FACTS, clarification=Clarification(question="q", reply=None), kinds=("generate",)),
    calls.Prepared(understanding=UNDERSTOOD, draft=DRAFT, cost_micros=3),
    calls.MakePlanInput(facts=FACTS, understanding=UNDERSTOOD, kinds=(), max_steps=5, results={"s0": Text.inline("y")}),
    calls.MadePlan(draft=DRAFT),
    calls.ExecuteInput(facts=FACTS, step=STEP, inputs={"s0": Text.inline("y")}, feedback="f"),
    calls.Executed(text=Text(ref="sha256:0", size=5000), evaluation=EVALUATION, cost_micros=1),
    calls.Executed(error="e", error_code="timeout"),
    calls.EvaluateInput(facts=FACTS, step=STEP, result=Text.inline("z")),
    calls.Evaluated(evaluation=EVALUATION),
    calls.SynthesizeInput(facts=FACTS, language="vi", ends=(END,)),
    calls.Synthesized(answer=Text.inline("a"), by="rule"),
    calls.RecordInput(facts=FACTS, events=(EVENT,)),
    calls.CheckConditionInput(condition="true", statuses={"s1": StepStatus.FAILED}, results={"s1": Text.inline("z")}),
    calls.StepLaunch(facts=FACTS, step=STEP, deadline_at=NOW),
    calls.Seed(plan=PLAN, understanding=UNDERSTOOD, forked_from="req_2"),
    messages.Approve(approval_id="a", decision="deny", message_id="m"),
    messages.Reply(question_id="q", text="t"),
    messages.Pause(),
    messages.Resume(message_id="m"),
    messages.CancelStep(step_id="s1"),
    messages.Cancel(),
    messages.ChildFinished(parent=PARENT, outcome=OUTCOME),
    messages.Done(phase=Phase.RUNNING, paused=True),
    messages.AmendAnswer(version=2, plan={"steps": []}, kept=("s1",), cancelled=(), rerun=()),
    messages.StatusAnswer(
        request_id="req_1",
        phase=Phase.ASKING,
        paused=False,
        plan_version=None,
        questions=(QUESTION,),
        approvals=(Approval(id="a", plan_version=1, expires_at=NOW),),
        refusals=(Refusal(message="amend", message_id=None, problems=(PROBLEM,)),),
        outcome=None,
        spent_micros=0,
        budget_micros=None,
    ),
    messages.StepCosts(step_id="s1", cost_micros=1, launches=1),
    messages.CostsAnswer(spent_micros=1, budget_micros=None, granted_micros=0, steps=()),
    names.RequestInput(facts=FACTS, search_attributes=False),
    StepResult(status=StepStatus.ACCEPTED, text=Text.inline("x"), evaluation=EVALUATION),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_contract_round_trips(value: Any) -> None:
    assert round_trip(value, type(value)) == value


def test_every_contract_is_tried() -> None:
    assert set(TYPES) <= {type(value) for value in VALUES}


def test_what_was_never_set_is_not_sent() -> None:
    payload = temporal.DATA_CONVERTER.payload_converter.to_payload(FACTS)
    assert b"conversation_id" not in payload.data
    assert b"depth" not in payload.data


async def test_a_client_reaches_the_server(settings: Settings, temporal_address: str) -> None:
    client = await temporal.connect(settings.model_copy(update={"temporal_address": temporal_address}))
    assert await client.service_client.check_health()


async def test_no_address_is_told(settings: Settings) -> None:
    with pytest.raises(temporal.NoAddressError):
        await temporal.connect(settings.model_copy(update={"temporal_address": None}))


async def test_a_server_that_is_down_is_unavailable_soon(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"temporal_address": "127.0.0.1:1"})
    with pytest.raises(Unavailable):
        await temporal.connect(nowhere)
    client: Client = await temporal.connect(nowhere, lazy=True)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await client.start_workflow("W", id="w", task_queue="q", rpc_timeout=timedelta(seconds=1))
    handle = client.get_workflow_handle("w")
    for call in (handle.signal("s"), handle.query("q"), handle.cancel(), handle.describe()):
        with pytest.raises(Unavailable):
            await call
    assert time.monotonic() - began < 8
