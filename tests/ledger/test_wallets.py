"""Wallets and budgets beneath the API: what only races and long lists meet."""

import pytest
from temporalio.testing import ActivityEnvironment

from activities.alerts import ToldAlerts
from contracts.money import AlertRef
from domain.budget_alert import AlertState
from domain.caller import Caller
from domain.errors import NotFound
from domain.grants import GrantKind, Grants
from services.ledger import alerts, budgets, statements, wallets
from services.ledger.budgets import NewBudget, Period, Terms
from services.ledger.wallets import NewWallet, WalletChange
from services.net.webhooks import WebhookSender
from services.storage.audit import By
from tests.ledger.books import Books
from tests.ledger.till import NewBudget as NewBudgetOf

BY = By.itself("tests")


async def made(books: Books, tenant: str) -> str:
    async with books.db.transaction() as tx:
        return (await wallets.create(tx, BY, NewWallet(tenant, "a wallet", "USD"))).id


async def test_those_that_are_granted_are_found_behind_many_that_are_not(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ledger.wallets._BATCH", 2)
    tenant = await books.tenant()
    ids = sorted([await made(books, tenant) for _ in range(7)])
    granted = Grants(({GrantKind.WALLET: (ids[3], ids[5], ids[6])},))
    caller = Caller("u", tenant, permissions=frozenset(), grants=granted)
    assert [each.id for each in await wallets.page(books.db, caller, tenant, "", 2)] == [ids[3], ids[5]]
    assert [each.id for each in await wallets.page(books.db, caller, tenant, ids[5], 2)] == [ids[6]]
    assert await wallets.page(books.db, caller, "ten_other", "", 2) == []
    with pytest.raises(NotFound):
        await wallets.read(books.db, caller, ids[0])


async def test_a_tenant_that_awaits_no_wallet_gets_one_with_an_id_of_its_own(books: Books) -> None:
    tenant = await books.tenant()
    wallet = await made(books, tenant)
    assert wallet.startswith("wal_")
    assert not (await wallets.read(books.db, Caller("u", tenant), wallet)).is_default


async def test_a_new_wallet_may_become_the_default_at_once(books: Books) -> None:
    tenant = await books.tenant()
    async with books.db.transaction() as tx:
        made_now = await wallets.create(tx, BY, NewWallet(tenant, "a wallet", "USD", is_default=True))
    assert made_now.is_default


async def test_a_wallet_without_a_tenant_is_none(books: Books) -> None:
    with pytest.raises(NotFound):
        await made(books, "ten_nobody")


async def test_a_change_of_nothing_changes_nothing(books: Books) -> None:
    tenant = await books.tenant()
    before = await wallets.read(books.db, Caller("u", tenant), await made(books, tenant))
    async with books.db.transaction() as tx:
        await wallets.change(tx, BY, before, WalletChange())
    assert await wallets.read(books.db, Caller("u", tenant), before.id) == before


async def test_a_budget_that_was_removed_meanwhile_is_not_found(books: Books) -> None:
    tenant = await books.tenant()
    subject = f"tenant:{tenant}"
    async with books.db.transaction() as tx:
        budget_id = await budgets.create(tx, BY, NewBudget(tenant, subject, Period.DAY, Terms(5)))
    budget = await budgets.read(books.db, Caller("u", tenant), budget_id)
    async with books.db.transaction() as tx:
        await budgets.delete(tx, BY, budget)
    async with books.db.transaction() as tx:
        with pytest.raises(NotFound):
            await budgets.change(tx, BY, budget, Terms(7))
        with pytest.raises(NotFound):
            await budgets.delete(tx, BY, budget)


async def test_an_alert_of_a_removed_budget_is_told_to_nobody(books: Books) -> None:
    async with WebhookSender(None, allow_private=False, timeout_s=1) as sender:
        await ActivityEnvironment().run(
            ToldAlerts(books.db, sender).tell_alert, AlertRef(budget_id="bud_1", alert_id=7)
        )


async def test_an_alert_whose_webhook_was_taken_away_is_told_by_the_log(books: Books) -> None:
    budget_id = await books.till.budget(NewBudgetOf("tenant:t", 100))
    query = "INSERT INTO budget_alert (budget_id, percent, attempts) VALUES ($1, 50, 1) RETURNING id"
    ((alert_id,),) = [row.values() for row in await books.db.fetch(query, budget_id)]
    async with WebhookSender(None, allow_private=False, timeout_s=1) as sender:
        ref = AlertRef(budget_id=budget_id, alert_id=alert_id)
        await ActivityEnvironment().run(ToldAlerts(books.db, sender).tell_alert, ref)
    assert (await alerts.read(books.db, alert_id)).alert.state is AlertState.TOLD


async def test_what_is_not_there_is_not_found(books: Books) -> None:
    with pytest.raises(NotFound):
        await statements.read(books.db, "default", 7)
    with pytest.raises(NotFound):
        await alerts.read(books.db, 7)
