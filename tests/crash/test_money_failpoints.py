"""Money survives whatever happens at whatever point: each call is paid once, at its usage and price, and nothing stays
held.

A prepaid wallet pays; at a named point a process is killed, its work fails, or it hangs until somebody kills it. The
debits are compared with the provider's own log: an answer that was kept costs what the provider says, a call that was
lost what the evidence says (docs/money.md).
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine

import httpx
import pytest

from contracts.money import RECONCILE_LEDGER, Reconcile, Reconciled
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from services.ledger import invariants
from services.storage.failpoints import AFTER, BEFORE, Action, Point
from tests.crash.machine import Machine
from tests.crash.trapped import WITHIN_S, Purse, Trap, insisting, purse_of, traps
from tests.workflows.product import Product, eventually
from tests.workflows.test_steps import TWO_PARTS, plan_of

OF_CALLS = (Point.CALL_ACCEPT, Point.JOURNAL_OPEN, Point.JOURNAL_END)
OF_REQUESTS = (Point.REQUEST_ACCEPT, Point.JOURNAL_OPEN, Point.JOURNAL_END, Point.RECORD)


async def call(purse: Purse) -> None:
    """Make a gateway call, whatever it takes."""
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"model": purse.product.model, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 200}
    await insisting(lambda: purse.product.api.post("/v1/chat/completions", json=body, headers=headers), 200)


async def request(purse: Purse) -> None:
    """Have a request answered, whatever it takes."""
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"message": "Hello!", "options": {"model": purse.product.model}}
    accepted = await insisting(lambda: purse.product.api.post("/v1/requests", json=body, headers=headers), 202)
    path = f"/v1/requests/{accepted.json()['id']}"

    async def done() -> bool:
        try:
            return bool((await purse.product.api.get(path)).json().get("phase") == "done")
        except httpx.TransportError:
            return False

    await eventually(done, within_s=WITHIN_S)


async def check_trap(
    machine: Machine, product: Product, trap: Trap, work: Callable[[Purse], Coroutine[None, None, None]]
) -> None:
    """Do some work with a trap on its way, and check what was paid."""
    async with purse_of(machine, product) as purse:
        purse.arm(trap)
        working = asyncio.create_task(work(purse))
        try:
            await purse.sprung(trap)
            await working
        finally:
            working.cancel()
        await purse.check()


SHORT = (
    Trap(Point.JOURNAL_END, AFTER, Action.KILL),
    Trap(Point.JOURNAL_OPEN, BEFORE, Action.FAIL),
    Trap(Point.CALL_ACCEPT, AFTER, Action.HANG),
)
SHORT_OF_REQUESTS = (
    Trap(Point.JOURNAL_END, BEFORE, Action.KILL),
    Trap(Point.RECORD, AFTER, Action.FAIL),
    Trap(Point.REQUEST_ACCEPT, AFTER, Action.HANG),
)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("trap", SHORT, ids=str)
async def test_a_call_is_paid_once(machine: Machine, product: Product, trap: Trap) -> None:
    await check_trap(machine, product, trap, call)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("trap", SHORT_OF_REQUESTS, ids=str)
async def test_a_request_is_paid_once(machine: Machine, product: Product, trap: Trap) -> None:
    await check_trap(machine, product, trap, request)


@pytest.mark.long
@pytest.mark.parametrize("trap", traps(OF_CALLS), ids=str)
async def test_a_call_is_paid_once_whatever_happens_where(machine: Machine, product: Product, trap: Trap) -> None:
    await check_trap(machine, product, trap, call)


@pytest.mark.long
@pytest.mark.parametrize("trap", traps(OF_REQUESTS), ids=str)
async def test_a_request_is_paid_once_whatever_happens_where(machine: Machine, product: Product, trap: Trap) -> None:
    await check_trap(machine, product, trap, request)


async def check_reconciled(machine: Machine, product: Product, trap: Trap) -> None:
    """Leave a hold without work by killing the API, and have it closed with a trap on the reconciler's way."""
    async with purse_of(machine, product) as purse:
        lost = Trap(Point.CALL_ACCEPT, AFTER, Action.KILL)
        purse.arm(lost)
        with pytest.raises(httpx.TransportError):
            await purse.product.api.post("/v1/chat/completions", json={**ASKED, "model": product.model})
        await purse.sprung(lost)
        rows = await purse.db.fetch("SELECT held_micros FROM wallet_balance WHERE wallet_id = $1", purse.wallet)
        assert rows[0]["held_micros"] > 0
        purse.arm(trap)
        handle = await machine.product.temporal.start_workflow(
            RECONCILE_LEDGER,
            Reconcile(start_grace_s=0, look_every_s=0),
            id=f"reconcile-{secrets.token_hex(4)}",
            task_queue=machine.variables["LONGHAUL_TASK_QUEUE"],
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            result_type=Reconciled,
        )
        await purse.sprung(trap)
        await handle.result()
        assert await purse.settled() == 0
        assert [each for each in await invariants.check(purse.db) if each.rows] == []


ASKED = {"messages": [{"role": "user", "content": "Hello!"}]}


@pytest.mark.timeout(150)
async def test_an_orphaned_hold_is_closed_once(machine: Machine, product: Product) -> None:
    await check_reconciled(machine, product, Trap(Point.RECONCILE, AFTER, Action.KILL))


@pytest.mark.long
@pytest.mark.parametrize("trap", traps((Point.RECONCILE,)), ids=str)
async def test_an_orphaned_hold_is_closed_once_whatever_happens(machine: Machine, product: Product, trap: Trap) -> None:
    await check_reconciled(machine, product, trap)


async def check_failed(machine: Machine, product: Product, trap: Trap) -> None:
    """Have a call fail for good, with a trap on the way of its end."""
    async with purse_of(machine, product) as purse:
        await purse.product.fault({"status": 400})
        purse.arm(trap)
        body = {**ASKED, "model": product.model}
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        asking = asyncio.create_task(
            insisting(lambda: purse.product.api.post("/v1/chat/completions", json=body, headers=headers), 400)
        )
        try:
            await purse.sprung(trap)
            await asking
        finally:
            asking.cancel()
        assert await purse.settled() == 0
        assert [each for each in await invariants.check(purse.db) if each.rows] == []


@pytest.mark.long
@pytest.mark.parametrize("trap", traps((Point.CALL_END,)), ids=str)
async def test_a_failed_call_costs_nothing_whatever_happens_at_its_end(
    machine: Machine, product: Product, trap: Trap
) -> None:
    await check_failed(machine, product, trap)


async def check_raised(machine: Machine, product: Product, trap: Trap) -> None:
    """Have a request's budget raised without the API, with a trap on the way of the hold."""
    async with purse_of(machine, product) as purse:
        await purse.product.fault(plan_of({"id": "s1", "kind": "human"}, {"id": "s2"}), task="plan")
        request_id = await purse.product.submit(TWO_PARTS, budget_micros=50_000)
        (question,) = await asked(purse, request_id)
        purse.arm(trap)
        edits = [{"op": "raise_budget", "to_micros": 90_000}]
        await purse.product.handle(request_id).signal("amend", {"expected_version": 1, "edits": edits})
        await purse.sprung(trap)

        async def raised() -> bool:
            (row,) = await purse.db.fetch("SELECT plan_version FROM request WHERE id = $1", request_id)
            return bool(row["plan_version"] == 2)

        await eventually(raised, within_s=WITHIN_S)
        query = "SELECT micros FROM ledger_transaction WHERE kind = 'extend' AND hold_id = $1"
        assert [row["micros"] for row in await purse.db.fetch(query, request_id)] == [40_000]
        await purse.product.handle(request_id).signal("reply", {"question_id": question, "text": "blue"})
        await purse.check()


async def asked(purse: Purse, request_id: str) -> list[str]:
    """Wait until a request asks; return the ids of its questions."""

    async def look() -> list[str]:
        return [each["id"] for each in (await purse.product.query(request_id, "status"))["questions"]]

    found: list[str] = await eventually(look, within_s=WITHIN_S)
    return found


@pytest.mark.timeout(150)
async def test_a_raised_budget_is_held_once(machine: Machine, product: Product) -> None:
    await check_raised(machine, product, Trap(Point.HOLD_RAISE, AFTER, Action.KILL))


@pytest.mark.long
@pytest.mark.parametrize("trap", traps((Point.HOLD_RAISE,)), ids=str)
async def test_a_raised_budget_is_held_once_whatever_happens(machine: Machine, product: Product, trap: Trap) -> None:
    await check_raised(machine, product, trap)


async def check_moved(machine: Machine, product: Product, trap: Trap) -> None:
    """Bring money into a wallet, asking again under the same key, with a trap on its way."""
    async with purse_of(machine, product) as purse:
        path, body = f"/v1/wallets/{purse.wallet}/top-ups", {"amount_micros": 7, "reason": "test"}
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        purse.arm(trap)
        moving = asyncio.create_task(
            insisting(lambda: machine.product.api.post(path, json=body, headers=headers), 200, 201)
        )
        try:
            await purse.sprung(trap)
            await moving
        finally:
            moving.cancel()
        assert await purse.settled() == -7
        assert [each for each in await invariants.check(purse.db) if each.rows] == []


@pytest.mark.timeout(150)
async def test_a_wallet_is_filled_once(machine: Machine, product: Product) -> None:
    await check_moved(machine, product, Trap(Point.WALLET_MOVE, AFTER, Action.KILL))


@pytest.mark.long
@pytest.mark.parametrize("trap", traps((Point.WALLET_MOVE,)), ids=str)
async def test_a_wallet_is_filled_once_whatever_happens(machine: Machine, product: Product, trap: Trap) -> None:
    await check_moved(machine, product, trap)


def test_every_point_has_its_cases() -> None:
    apart = {Point.RECONCILE, Point.CALL_END, Point.HOLD_RAISE, Point.WALLET_MOVE}
    assert {*OF_CALLS, *OF_REQUESTS, *apart} == set(Point)
