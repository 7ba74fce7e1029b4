"""Cancelling at every stage, children and sub-requests, and going on in a new run."""

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from contracts.calls import RequestFacts, StepLaunch
from contracts.names import STEP_WORKFLOW
from domain import ids
from domain.content import Text
from domain.placement import Placement
from domain.request import Options
from domain.step import Step, StepResult
from tests.replay.scenarios.people import HUMAN, asked, signalled, updated
from tests.replay.scenarios.scenario import THREE_PARTS, Kept, by_hand, ended, scenario
from tests.workflows.product import Product, eventually
from tests.workflows.test_messages import held
from tests.workflows.test_steps import TWO_PARTS, plan_of

SUB = {"id": "sub", "kind": "request", "prompt": "What is 2+3?"}


@scenario("cancelled by update while a model call runs")
async def cancelled_by_update(product: Product) -> Kept:
    request_id = await held(product)
    await updated(product, request_id, "cancel", reason="no longer needed")
    return await ended(product, request_id)


@scenario("cancelled by signal while a model call runs")
async def cancelled_by_signal(product: Product) -> Kept:
    request_id = await held(product)
    await signalled(product, request_id, "cancel", reason="no longer needed")
    return await ended(product, request_id)


@scenario("Temporal's own cancel while a model call runs")
async def cancelled_by_temporal(product: Product) -> Kept:
    request_id = await held(product)
    await product.handle(request_id).cancel()
    return await ended(product, request_id)


@scenario("cancelled while the message is being understood")
async def cancelled_while_understanding(product: Product) -> Kept:
    await product.fault({"hang": True}, task="understand")
    request_id = await product.submit(TWO_PARTS)
    await eventually(product.tasks)
    await updated(product, request_id, "cancel")
    return await ended(product, request_id)


@scenario("cancelled while a question is open")
async def cancelled_while_asking(product: Product) -> Kept:
    request_id = await product.submit("do it")
    await asked(product, request_id)
    await updated(product, request_id, "cancel")
    return await ended(product, request_id)


@scenario("cancelled while the answer is written")
async def cancelled_while_synthesizing(product: Product) -> Kept:
    await product.fault({"hang": True}, task="synthesize")
    request_id = await product.submit(TWO_PARTS)

    async def synthesizing() -> bool:
        return "synthesize" in await product.tasks()

    await eventually(synthesizing)
    await updated(product, request_id, "cancel")
    return await ended(product, request_id)


@scenario("every step in a child workflow")
async def children(product: Product) -> Kept:
    handle = await product.start(by_hand(product, THREE_PARTS, placement=Placement.CHILD))
    await handle.result()
    return {"": handle, "step": product.temporal.get_workflow_handle(ids.step_workflow_id(handle.id, "s1", 1))}


@scenario("a running child is cancelled with its step")
async def child_cancelled(product: Product) -> Kept:
    await product.fault({"hang": True}, task="step", step_id="s1", times=1)
    handle = await product.start(by_hand(product, TWO_PARTS, placement=Placement.CHILD))
    await working_on(product, "s1")
    await updated(product, handle.id, "cancel_step", step_id="s1")
    await handle.result()
    return {"": handle, "step": product.temporal.get_workflow_handle(ids.step_workflow_id(handle.id, "s1", 1))}


async def working_on(product: Product, step_id: str) -> None:
    """Wait until the model is asked for a step."""

    async def called() -> bool:
        return step_id in [call["step_id"] for call in await product.calls()]

    await eventually(called)


@scenario("a step that is a request of its own; parent and child")
async def sub_request(product: Product) -> Kept:
    await product.fault(plan_of(SUB, {"id": "s2"}), task="plan")
    parent = product.handle(await product.submit(TWO_PARTS))
    child = await child_of(product, parent)
    await parent.result()
    await child.result()
    return {"": parent, "child": child}


async def child_of(product: Product, parent: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    """Wait until a request has started a sub-request; return that."""

    async def started() -> str | None:
        async for event in parent.fetch_history_events():
            if event.HasField("child_workflow_execution_started_event_attributes"):
                return event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
        return None

    return product.handle(await eventually(started))


@scenario("a sub-request is cancelled with its step; parent and child")
async def sub_request_cancelled(product: Product) -> Kept:
    await product.fault(plan_of(SUB, {"id": "s2", "prompt": "List three planets"}), task="plan")
    await product.fault({"hang": True}, contains="2+3", task="step")
    parent = product.handle(await product.submit(TWO_PARTS))
    child = await child_of(product, parent)
    await working_on(product, "answer")
    await updated(product, parent.id, "cancel_step", step_id="sub")
    await parent.result()
    await child.result()
    return {"": parent, "child": child}


@scenario("a sub-request is terminated by an operator: its step fails")
async def sub_request_lost(product: Product) -> Kept:
    await product.fault(plan_of(SUB, {"id": "s2", "prompt": "List three planets"}), task="plan")
    await product.fault({"hang": True}, contains="2+3", task="step")
    parent = product.handle(await product.submit(TWO_PARTS))
    child = await child_of(product, parent)
    await working_on(product, "answer")
    await child.terminate("by an operator")
    return await ended(product, parent.id)


@scenario("a sub-request outlives its time-out")
async def sub_request_timed_out(product: Product) -> Kept:
    await product.fault(plan_of({**SUB, "timeout_s": 2}, {"id": "s2", "prompt": "List three planets"}), task="plan")
    await product.fault({"hang": True}, contains="2+3", task="step")
    return await ended(product, await product.submit(TWO_PARTS))


@scenario("continue-as-new between two steps; both runs")
async def continued_as_new(product: Product) -> Kept:
    plan = plan_of({"id": "s1"}, {"id": "s2", "depends_on": ["s1"]})
    await product.fault(plan, task="plan")
    handle = await product.start(by_hand(product, TWO_PARTS, rollover_after_steps=1))
    await handle.result()
    return await all_runs(product, handle)


@scenario("continue-as-new while a person and a sub-request are waited for; all runs")
async def continued_while_waiting(product: Product) -> Kept:
    plan = plan_of({**HUMAN, "depends_on": []}, SUB, {"id": "s2"}, {"id": "s3", "depends_on": ["h", "sub", "s2"]})
    await product.fault(plan, task="plan")
    await product.fault({"delay_s": 1.0}, contains="2+3", task="step")
    options = Options(deadline_s=600)
    handle = await product.start(by_hand(product, TWO_PARTS, options, rollover_after_steps=1))

    async def rolled_over() -> bool:
        return (await product.handle(handle.id).describe()).run_id != handle.first_execution_run_id

    await eventually(rolled_over)
    await signalled(product, handle.id, "reply", question_id=await asked(product, handle.id), text="blue")
    await handle.result()
    return await all_runs(product, handle)


async def all_runs(product: Product, handle: WorkflowHandle[Any, Any]) -> Kept:
    """Return each run of a workflow, the first one as the one that the scenario is about."""
    kept: Kept = {}
    run_id = handle.first_execution_run_id or ""
    while run_id:
        run = product.temporal.get_workflow_handle(handle.id, run_id=run_id)
        kept["" if not kept else f"run_{len(kept) + 1}"] = run
        events = (await run.fetch_history()).events
        run_id = events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return kept


@scenario("a StepWorkflow by itself")
async def step_alone(product: Product) -> Kept:
    handle = await start_step(product, Step(id="extra", prompt=Text.inline("What is 2+3?")))
    await handle.result()
    return {"": handle}


@scenario("a StepWorkflow by itself is cancelled, and says what it has cost")
async def step_alone_cancelled(product: Product) -> Kept:
    await product.fault({"hang": True}, step_id="extra")
    handle = await start_step(product, Step(id="extra", prompt=Text.inline("What is 2+3?")))
    await working_on(product, "extra")
    await handle.cancel()
    await handle.result()
    return {"": handle}


async def start_step(product: Product, step: Step) -> WorkflowHandle[Any, StepResult]:
    """Start a step of a request that has ended; its events need the request's row."""
    request = await product.ask("Hello!")
    options = Options(model=product.model)
    facts = RequestFacts(request_id=request["id"], owner="local", message=Text.inline(""), options=options)
    return await product.temporal.start_workflow(
        STEP_WORKFLOW,
        StepLaunch(facts=facts, step=step),
        id=ids.step_workflow_id(facts.request_id, step.id, 1),
        task_queue=product.task_queue,
        task_timeout=timedelta(seconds=5),
        result_type=StepResult,
    )
