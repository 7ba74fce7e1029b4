"""Tool steps and tool servers: calls, gates, changes, look-ups, and the workflows that keep the registry true."""

import asyncio
import secrets

from temporalio.client import WorkflowFailureError

from api.tool_trials import submission_of
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.tools import (
    FREE_GATES,
    REFRESH_TOOLS,
    RULES_CHANGED,
    SIGN_IN,
    FreeGates,
    RefreshedTools,
    RefreshTools,
    SignIn,
)
from domain.placement import Placement
from tests.replay.scenarios.scenario import Kept, by_hand, ended, scenario
from tests.workflows.product import Json, Product
from tests.workflows.test_messages import held
from tests.workflows.test_tool_steps import approval_of, decide
from tests.workflows.tool_server import Notes, plan, serving

MESSAGE = "Write a haiku about rain. Then write a limerick about snow."


def note(notes: Notes, step_id: str = "s1", **fields: object) -> Json:
    """Return a step that writes."""
    return notes.step("note_create", step_id, parameters={"text": "hello"}, **fields)


@scenario("reads in children, the second with the first one's result")
async def tools_read(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(
            product,
            notes.step("add", parameters={"a": 1, "b": 2}),
            notes.step("add", "s2", parameters={"a": "{{steps.s1.result.sum}}", "b": 2}, depends_on=["s1"]),
        )
        request_id = await product.submit(MESSAGE)
        kept = await ended(product, request_id)
        return kept | {"child": product.temporal.get_workflow_handle(f"{request_id}/s1/1")}


@scenario("a read inline")
async def tools_inline(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, notes.step("add", parameters={"a": 1, "b": 2}))
        handle = await product.start(by_hand(product, MESSAGE, placement=Placement.INLINE, search_attributes=False))
        await handle.result()
        return {"": handle}


@scenario("a write is approved and remembered, the next one runs")
async def tools_approved(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, note(notes), note(notes, "s2", depends_on=["s1"]))
        request_id = await product.submit(MESSAGE)
        await decide(product, request_id, await approval_of(product, request_id), remember=True)
        return await ended(product, request_id)


@scenario("a write is denied")
async def tools_denied(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, note(notes))
        request_id = await product.submit(MESSAGE)
        await decide(product, request_id, await approval_of(product, request_id), "deny")
        return await ended(product, request_id)


@scenario("nobody approves a write in time")
async def tools_approval_expired(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, note(notes))
        return await ended(product, await product.submit(MESSAGE, approval_timeout_s=0.5))


@scenario("the rules change while a write waits, and it goes on waiting; then the request is cancelled")
async def tools_rules_changed(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, note(notes))
        request_id = await product.submit(MESSAGE)
        await approval_of(product, request_id)
        await product.handle(request_id).signal(RULES_CHANGED)
        await asyncio.sleep(0.5)
        await product.send(request_id, "cancel", reason="enough")
        return await ended(product, request_id)


@scenario("a lost write is found by a look-up")
async def tools_looked_up(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, note(notes))
        await notes.behave("write_then_crash_once")
        return await ended(product, await product.submit(MESSAGE, tool_approval="none"))


@scenario("a server wants a sign-in, which a person mends")
async def tools_signed_in(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, notes.step("add", parameters={"a": 1, "b": 2}))
        await notes.behave("http_401")
        request_id = await product.submit(MESSAGE)
        approval = await approval_of(product, request_id, "sign_in")
        await notes.behave(None)
        await decide(product, request_id, approval)
        return await ended(product, request_id)


@scenario("an amendment brings a tool step; arguments that turn out wrong make another plan")
async def tools_amended(product: Product) -> Kept:
    async with serving(product) as notes:
        request_id = await held(product)
        version = (await product.query(request_id, "status"))["plan_version"]
        step = notes.step("add", "x1", parameters={"a": 1, "b": 2})
        answer = await product.send(request_id, "amend", expected_version=version, edits=[{"op": "add", "step": step}])
        assert answer.is_success, answer.text
        await product.send(request_id, "cancel", reason="enough")
        return await ended(product, request_id)


@scenario("a waiting call across a continue-as-new")
async def tools_rolled_over(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, {"id": "s1", "prompt": "write a haiku"}, note(notes, "s2"))
        handle = await product.start(by_hand(product, MESSAGE, search_attributes=False, rollover_after_steps=1))
        await product.until(handle.id, "running")
        await decide(product, handle.id, await approval_of(product, handle.id))
        await handle.result()
        return {"": product.handle(handle.id)}


@scenario("a seeded plan is bound to its tool, which is not there")
async def tools_seed_unbound(product: Product) -> Kept:
    request = by_hand(product, MESSAGE, search_attributes=False, seed=submission_of("jira").seed)
    handle = await product.start(request)
    await handle.result()
    return {"": handle}


@scenario("the lists of one server are read")
async def servers_refreshed(product: Product) -> Kept:
    async with serving(product) as notes:
        handle = await product.temporal.start_workflow(
            REFRESH_TOOLS,
            RefreshTools(server=notes.id),
            id=f"tools/refresh/{notes.id}",
            task_queue=product.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            result_type=RefreshedTools,
        )
        await handle.result()
        return {"": handle}


@scenario("requests that wait for an approval are told of new rules")
async def gates_freed(product: Product) -> Kept:
    async with serving(product) as notes:
        await plan(product, note(notes))
        request_id = await product.submit(MESSAGE)
        await approval_of(product, request_id)
        handle = await product.temporal.start_workflow(
            FREE_GATES,
            FreeGates(),
            id=f"tools/free-gates/{secrets.token_hex(4)}",
            task_queue=product.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
        )
        await handle.result()
        await product.send(request_id, "cancel", reason="enough")
        await product.ended(request_id)
        return {"": handle}


@scenario("a sign-in at a server that is not there fails")
async def sign_in_failed(product: Product) -> Kept:
    handle = await product.temporal.start_workflow(
        SIGN_IN,
        SignIn(server="nowhere", owner="local", state="state"),
        id=f"tools/sign-in/{secrets.token_hex(4)}",
        task_queue=product.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
    )
    try:
        await handle.result()
    except WorkflowFailureError:
        return {"": handle}
    raise AssertionError("the sign-in should have failed")
