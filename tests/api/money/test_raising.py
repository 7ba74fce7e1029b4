"""A budget is raised only as far as there is money to hold for it, by whatever door the message comes."""

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.api.money.conftest import Prepaid
from tests.api.money.purse import Purse
from tests.workflows.product import Json, eventually
from tests.workflows.test_steps import TWO_PARTS, plan_of

AMEND = "amend"


def raising(to_micros: object, version: int = 1) -> Json:
    return {"expected_version": version, "edits": [{"op": "raise_budget", "to_micros": to_micros}]}


async def waiting(purse: Purse, *steps: Json) -> str:
    """Start a request on half a wallet whose step s1 does not answer."""
    if steps:
        await purse.product.fault(plan_of(*steps), task="plan")
    await purse.product.fault({"hang": True}, task="step", step_id="s1", times=1)
    request_id = await purse.product.submit(TWO_PARTS, budget_micros=purse.filled_micros // 2)
    await purse.product.until_active(request_id, 1)
    return request_id


async def set_aside(purse: Purse, request_id: str) -> int:
    """Return how much was set aside for a request."""
    return int((await purse.till.hold_row(request_id))["amount_micros"])


async def paid(purse: Purse, request_id: str) -> None:
    """End the request, and check that it was paid and nothing stays held."""
    await purse.product.send(request_id, "cancel", reason="enough")
    ended = await purse.product.ended(request_id)
    assert await purse.spent() == ended["cost_micros"]


async def test_a_budget_raised_at_the_workflow_itself_is_held_once(prepaid: Prepaid) -> None:
    purse = await prepaid(100_000)
    request_id = await waiting(purse)
    handle = purse.product.handle(request_id)
    for _ in range(2):
        await handle.execute_update(AMEND, {**raising(90_000), "message_id": "m1"})
    assert await set_aside(purse, request_id) == 90_000
    assert (await purse.product.query(request_id, "costs"))["budget_micros"] == 90_000
    again = await purse.product.send(request_id, AMEND, **raising(90_000, version=2))
    assert again.status_code == 200, again.text
    assert await set_aside(purse, request_id) == 90_000
    await paid(purse, request_id)


async def test_a_budget_beyond_the_money_is_refused_at_the_workflow_itself(prepaid: Prepaid) -> None:
    purse = await prepaid(100_000)
    request_id = await waiting(purse)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await purse.product.handle(request_id).execute_update(AMEND, raising(900_000))
    assert [problem["code"] for problem in _problems(refused.value)] == ["insufficient_funds"]
    assert await set_aside(purse, request_id) == 50_000
    assert (await purse.product.query(request_id, "costs"))["budget_micros"] == 50_000
    await paid(purse, request_id)


async def test_a_signal_that_raises_the_budget_is_held_or_refused(prepaid: Prepaid) -> None:
    purse = await prepaid(100_000)
    request_id = await waiting(purse)
    handle = purse.product.handle(request_id)
    await handle.signal(AMEND, raising(70_000))

    async def raised() -> bool:
        return bool((await purse.product.query(request_id, "costs"))["budget_micros"] == 70_000)

    await eventually(raised)
    assert await set_aside(purse, request_id) == 70_000
    await handle.signal(AMEND, raising(900_000, version=2))

    async def refusals() -> list[Json]:
        found: list[Json] = (await purse.product.query(request_id, "status"))["refusals"]
        return found

    (refusal,) = await eventually(refusals)
    assert [problem["code"] for problem in refusal["problems"]] == ["insufficient_funds"]
    assert await set_aside(purse, request_id) == 70_000
    await paid(purse, request_id)


@pytest.mark.parametrize("to_micros", ["90000", 90_000.0])
async def test_an_amount_is_held_however_it_is_spelled(prepaid: Prepaid, to_micros: object) -> None:
    purse = await prepaid(100_000)
    request_id = await waiting(purse)
    raised = await purse.product.send(request_id, AMEND, **raising(to_micros))
    assert raised.status_code == 200, raised.text
    assert await set_aside(purse, request_id) == 90_000
    refused = await purse.product.send(request_id, AMEND, **raising("900000", version=2))
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_funds")
    await paid(purse, request_id)


async def test_a_message_that_was_refused_for_want_of_money_is_taken_when_there_is_some(prepaid: Prepaid) -> None:
    purse = await prepaid(100_000)
    request_id = await waiting(purse)
    message = {**raising(150_000), "message_id": "m1"}
    assert (await purse.product.send(request_id, AMEND, **message)).status_code == 402
    await purse.till.top_up(purse.wallet, 100_000)
    raised = await purse.product.send(request_id, AMEND, **message)
    assert raised.status_code == 200, raised.text
    assert await set_aside(purse, request_id) == 150_000


async def test_a_sub_requests_budget_is_held_by_its_root(prepaid: Prepaid) -> None:
    purse = await prepaid(100_000)
    await purse.product.fault({"hang": True}, task="step", step_id="answer")
    root = await waiting(purse, {"id": "s1"}, {"id": "sub", "kind": "request", "prompt": "What is 2+3?"})

    async def child() -> str | None:
        rows = await purse.till.db.fetch("SELECT id FROM request WHERE parent_id = $1", root)
        return str(rows[0]["id"]) if rows else None

    child_id = await eventually(child)
    await purse.product.until_active(child_id, 1)
    refused = await purse.product.send(child_id, AMEND, **raising(90_000))
    assert (refused.status_code, refused.json()["code"]) == (409, "held_by_root")
    assert root in refused.json()["detail"]
    with pytest.raises(WorkflowUpdateFailedError) as told:
        await purse.product.handle(child_id).execute_update(AMEND, raising(90_000))
    assert [problem["code"] for problem in _problems(told.value)] == ["held_by_root"]
    assert await set_aside(purse, root) == 50_000
    await paid(purse, root)


def _problems(refused: WorkflowUpdateFailedError) -> list[Json]:
    cause = refused.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "AmendmentRefused"
    problems: list[Json] = cause.details[0]
    return problems
