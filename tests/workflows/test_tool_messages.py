"""Messages and tool steps: amendments that bring tools, rules that change, sign-ins, and waits across a rollover."""

from collections.abc import AsyncIterator

import pytest_asyncio

from contracts.calls import RequestFacts
from contracts.names import RequestInput
from contracts.tools import RULES_CHANGED
from domain import ids
from domain.content import Text
from domain.request import Options
from domain.tool_policy import Decision, Rule
from services.tools.registry import rules
from tests.workflows.product import Product, eventually
from tests.workflows.test_tool_steps import TWO_PARTS, approval_of, decide
from tests.workflows.tool_server import Notes, as_json, plan, serving


@pytest_asyncio.fixture
async def notes(product: Product) -> AsyncIterator[Notes]:
    async with serving(product) as server:
        yield server


HUMAN = {"id": "s1", "kind": "human", "prompt": "Which one?"}


async def test_an_amendment_brings_a_tool_step_that_runs(product: Product, notes: Notes) -> None:
    await plan(product, HUMAN)
    request_id = await product.submit(TWO_PARTS)
    await product.until(request_id, "running")
    step = notes.step("add", "s2", parameters={"a": 20, "b": 22})
    answer = await product.send(request_id, "amend", expected_version=1, edits=[{"op": "add", "step": step}])
    assert answer.status_code == 200, answer.text
    assert answer.json()["plan"]["steps"][1]["pin"]["effect"] == "read"

    async def added() -> bool:
        return bool((await product.steps(request_id))["s2"]["status"] == "succeeded")

    await eventually(added)
    await product.send(request_id, "cancel", reason="enough")
    await product.ended(request_id)


async def test_an_amendment_with_wrong_arguments_is_refused_with_the_pointer(product: Product, notes: Notes) -> None:
    await plan(product, HUMAN)
    request_id = await product.submit(TWO_PARTS)
    await product.until(request_id, "running")
    for name, parameters, code in (("add", {"a": "x", "b": 1}, 422), ("no_such_tool", {}, 422)):
        step = notes.step(name, "s2", parameters=parameters)
        answer = await product.send(request_id, "amend", expected_version=1, edits=[{"op": "add", "step": step}])
        assert answer.status_code == code, answer.text
        assert answer.json()["problems"][0]["path"].startswith("/steps/1/mcp_")
    await product.send(request_id, "cancel", reason="enough")
    await product.ended(request_id)


async def test_parameters_of_a_waiting_call_are_changed_and_the_old_ones_are_never_sent(
    product: Product, notes: Notes
) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "wrong"}))
    request_id = await product.submit(TWO_PARTS)
    first = await approval_of(product, request_id)
    edit = {"op": "set_parameters", "step_id": "s1", "mcp_parameters": {"text": "right"}}
    answer = await product.send(request_id, "amend", expected_version=1, edits=[edit])
    assert answer.status_code == 200, answer.text

    async def asked_again() -> bool:
        approvals = (await product.get(request_id))["approvals"]
        return [one["id"] for one in approvals] not in ([], [first["id"]]) and len(approvals) == 1

    await eventually(asked_again)
    approval = await approval_of(product, request_id)
    assert approval["arguments"]["text"].startswith("right")
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert ["right" in str(write) for write in await notes.writes()] == [True]


async def test_a_loosened_rule_frees_a_waiting_call(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    request_id = await product.submit(TWO_PARTS)
    await approval_of(product, request_id)
    assert product.services is not None
    rule = await rules.add(product.services.db, Rule(server=notes.id, decision=Decision.RUN))
    await product.handle(request_id).signal(RULES_CHANGED)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert len(await notes.writes()) == 1
    await rules.delete(product.services.db, rule.number)


async def test_a_rule_that_denies_stops_the_call_and_says_why(product: Product, notes: Notes) -> None:
    assert product.services is not None
    rule = Rule(server=notes.id, tool="note_create", decision=Decision.DENY, reason="not on Fridays")
    stored = await rules.add(product.services.db, rule)
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    ended = await product.ask(TWO_PARTS, tool_approval="none")
    assert "not on Fridays" in ended["outcome"]["detail"]
    assert await notes.writes() == []
    await rules.delete(product.services.db, stored.number)


async def test_a_server_that_wants_a_sign_in_pauses_the_step_and_goes_on_after_it(
    product: Product, notes: Notes
) -> None:
    await plan(product, notes.step("add", parameters={"a": 1, "b": 1}))
    await notes.behave("http_401")
    request_id = await product.submit(TWO_PARTS)
    approval = await approval_of(product, request_id, "sign_in")
    await notes.behave(None)
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert as_json(ended["answer"]) == {"sum": 2}


async def test_a_waiting_call_survives_a_continue_as_new(product: Product, notes: Notes) -> None:
    """The haiku settles, the workflow rolls over, and the approval is still the same one."""
    await plan(
        product,
        {"id": "s1", "prompt": "write a haiku"},
        notes.step("note_create", "s2", parameters={"text": "hello"}),
        {"id": "s3", "prompt": "write a limerick", "depends_on": ["s1"]},
    )
    request_id = ids.request_id(1, 2**70 + id(notes))
    facts = RequestFacts(
        request_id=request_id, owner="local", message=Text.inline(TWO_PARTS), options=Options(model=product.model)
    )
    await product.start(RequestInput(facts=facts, search_attributes=False, rollover_after_steps=1))
    await product.until(request_id, "running")

    async def accepted() -> bool:
        return (await product.api.get(f"/v1/requests/{request_id}")).is_success

    await eventually(accepted)
    approval = await approval_of(product, request_id)

    async def rolled_over() -> bool:
        described = await product.handle(request_id).describe()
        return described.raw_info.first_run_id != described.run_id

    await eventually(rolled_over)
    assert (await approval_of(product, request_id))["id"] == approval["id"]
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert len(await notes.writes()) == 1


async def test_cancelling_a_request_closes_its_open_approval(product: Product, notes: Notes) -> None:
    await plan(product, notes.step("note_create", parameters={"text": "hello"}))
    request_id = await product.submit(TWO_PARTS)
    await approval_of(product, request_id)
    await product.send(request_id, "cancel", reason="enough")
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["approvals"]) == ("cancelled", [])
    assert await notes.writes() == []
