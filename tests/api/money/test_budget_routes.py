"""Budgets over HTTP: set by a tenant's admins for its users and keys, counted by postings, with alerts."""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.parts import Parts
from domain.budget import cost
from domain.ledger import Payer
from services.storage.database import Database
from tests.api.served import parts_like, serving
from tests.ledger.books import PRICE, USAGE, Books, Terms
from tests.limits.people import Person, new_tenant, person

COST = cost(USAGE, PRICE)


async def made(api: httpx.AsyncClient, subject: str, **wanted: Any) -> dict[str, Any]:
    body = {"subject": subject, "period": "month", "limit_micros": 1000, **wanted}
    answer = await api.post("/v1/budgets", json=body)
    assert answer.status_code == 201, answer.text
    budget: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/budgets/{budget['id']}"
    return budget


async def payer(books: Books, someone: Person) -> Payer:
    return Payer(await books.till.prepaid(10_000), someone.tenant, someone.user, someone.key_id)


async def test_a_budget_is_made_read_changed_listed_and_removed(idle: httpx.AsyncClient, database: Database) -> None:
    someone = await person(database, "member")
    subject = f"user:{someone.user}"
    budget = await made(idle, subject, soft_percents=[80, 50])
    path = f"/v1/budgets/{budget['id']}"
    assert (budget["tenant"], budget["soft_percents"], budget["hard"]) == ("default", [50, 80], True)
    assert (budget["spent_micros"], budget["held_micros"], budget["left_micros"]) == (0, 0, 1000)
    changed = (await idle.patch(path, json={"limit_micros": 2000, "hard": False})).json()
    assert (changed["limit_micros"], changed["hard"], changed["soft_percents"]) == (2000, False, [50, 80])
    assert (await idle.get(path)).json() == changed
    listed = (await idle.get("/v1/budgets", params={"subject": subject})).json()
    assert listed == {"budgets": [changed], "after": None}
    assert (await idle.delete(path)).status_code == 204
    assert (await idle.get(path)).status_code == (await idle.delete(path)).status_code == 404
    rows = await database.fetch("SELECT action FROM audit_entry WHERE object_id = $1 ORDER BY id", budget["id"])
    assert [row["action"] for row in rows] == ["budget.create", "budget.change", "budget.delete"]


async def test_changes_at_once_all_stand(idle: httpx.AsyncClient, database: Database) -> None:
    someone = await person(database, "member")
    budget = await made(idle, f"user:{someone.user}")
    for limit in range(2000, 2010):
        hard = bool(limit % 2)
        changes: list[dict[str, Any]] = [{"limit_micros": limit}, {"hard": hard}, {"soft_percents": [limit % 100 + 1]}]
        await asyncio.gather(*(idle.patch(f"/v1/budgets/{budget['id']}", json=change) for change in changes))
        now = (await idle.get(f"/v1/budgets/{budget['id']}")).json()
        assert (now["limit_micros"], now["hard"], now["soft_percents"]) == (limit, hard, [limit % 100 + 1])


async def test_what_is_charged_counts_in_the_budgets_of_tenant_user_and_key(
    idle: httpx.AsyncClient, database: Database
) -> None:
    books = Books(database)
    someone = await person(database, "member", tenant=await new_tenant(database))
    subjects = (f"tenant:{someone.tenant}", f"user:{someone.user}", f"key:{someone.key_id}")
    ids = [(await made(idle, subject))["id"] for subject in subjects]
    who = await payer(books, someone)
    await books.whole_call(Terms(who))
    await books.accept(Terms(who))
    for id_ in ids:
        found = (await idle.get(f"/v1/budgets/{id_}")).json()
        assert (found["spent_micros"], found["held_micros"]) == (COST, 100)
        assert found["left_micros"] == 1000 - COST - 100


async def test_a_crossed_line_is_an_alert_once_a_period(idle: httpx.AsyncClient, database: Database) -> None:
    books = Books(database)
    someone = await person(database, "member", tenant=await new_tenant(database))
    budget = await made(idle, f"user:{someone.user}", limit_micros=2 * COST, soft_percents=[50, 100], hard=False)
    who = await payer(books, someone)
    found: list[Any] = []
    for percents in ([50], [100, 50], [100, 50]):
        await books.whole_call(Terms(who))
        found = (await idle.get("/v1/budget-alerts", params={"tenant": someone.tenant})).json()["alerts"]
        assert [alert["percent"] for alert in found] == percents
    (newest, oldest) = found
    assert (newest["budget_id"], newest["subject"]) == (budget["id"], f"user:{someone.user}")
    assert (newest["spent_micros"], oldest["spent_micros"]) == (2 * COST, COST)
    assert newest["state"] == "pending"
    page = (
        await idle.get("/v1/budget-alerts", params={"budget": budget["id"], "limit": 1, "tenant": someone.tenant})
    ).json()
    rest = {"budget": budget["id"], "before": page["before"], "tenant": someone.tenant}
    assert page["alerts"] == [newest]
    assert (await idle.get("/v1/budget-alerts", params=rest)).json() == {"alerts": [oldest], "before": None}


async def test_a_tenants_admin_sets_what_is_its_own_and_sees_no_other(
    idle: httpx.AsyncClient, database: Database
) -> None:
    tenant = await new_tenant(database)
    admin, member = await person(database, "admin", tenant=tenant), await person(database, "member", tenant=tenant)
    foreign = await made(idle, f"user:{(await person(database, 'member')).user}")
    async with admin.client(idle) as chief, member.client(idle) as one:
        mine = await made(chief, f"user:{member.user}")
        assert (await chief.post("/v1/budgets", json={**_PLAIN, "subject": f"tenant:{tenant}"})).status_code == 403
        assert (await chief.post("/v1/budgets", json={**_PLAIN, "subject": "user:local"})).status_code == 422
        assert (await chief.get(f"/v1/budgets/{foreign['id']}")).status_code == 404
        assert (await chief.patch(f"/v1/budgets/{foreign['id']}", json={"hard": False})).status_code == 404
        assert (await one.get(f"/v1/budgets/{mine['id']}")).json() == mine
        assert (await one.patch(f"/v1/budgets/{mine['id']}", json={"hard": False})).status_code == 403
        assert (await chief.get("/v1/budgets", params={"tenant": "default"})).json()["budgets"] == []
        assert (await chief.get("/v1/budget-alerts", params={"tenant": "default"})).json()["alerts"] == []
        ours = await made(idle, f"tenant:{tenant}")
        assert [each["id"] for each in (await chief.get("/v1/budgets")).json()["budgets"]] == [mine["id"], ours["id"]]
        assert (await chief.delete(f"/v1/budgets/{ours['id']}")).status_code == 403
        assert (await chief.delete(f"/v1/budgets/{mine['id']}")).status_code == 204


_PLAIN = {"period": "day", "limit_micros": 5}


@pytest.mark.parametrize(
    "wrong",
    [
        {"period": "year"},
        {"limit_micros": -1},
        {"limit_micros": 10**15 + 1},
        {"limit_micros": 1.5},
        {"subject": "role:admin"},
        {"subject": "user:usr_nobody"},
        {"soft_percents": [0]},
        {"soft_percents": [101]},
        {"soft_percents": [50, 50]},
        {"soft_percents": list(range(1, 12))},
        {"webhook": "ftp://example.com/"},
        {"surprise": True},
    ],
)
async def test_a_budget_that_cannot_be_is_refused(idle: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    body = {**_PLAIN, "subject": "user:local", **wrong}
    assert (await idle.post("/v1/budgets", json=body)).status_code == 422


async def test_a_subject_has_a_bounded_number_of_budgets(idle: httpx.AsyncClient, database: Database) -> None:
    subject = f"user:{(await person(database, 'member')).user}"
    for _ in range(12):
        await made(idle, subject)
    refused = await idle.post("/v1/budgets", json={**_PLAIN, "subject": subject})
    assert refused.status_code == 409
    first = (await idle.get("/v1/budgets", params={"subject": subject, "limit": 7})).json()
    rest = (await idle.get("/v1/budgets", params={"subject": subject, "after": first["after"]})).json()
    assert (len(first["budgets"]), len(rest["budgets"]), rest["after"]) == (7, 5, None)


async def test_a_webhook_is_taken_where_it_can_be_signed_and_sent(idle_parts: Parts, database: Database) -> None:
    subject = f"user:{(await person(database, 'member')).user}"
    deployment = replace(idle_parts.deployment, webhooks=True)
    async with serving(replace(parts_like(idle_parts), deployment=deployment)) as api:
        url = f"https://example.com/{secrets.token_hex(4)}"
        budget = await made(api, subject, webhook=url)
        assert budget["webhook"] == url
        for refused in ("http://example.com/", "https://127.0.0.1/", "https://169.254.169.254/"):
            answer = await api.patch(f"/v1/budgets/{budget['id']}", json={"webhook": refused})
            assert answer.status_code == 422
        kept = (await api.patch(f"/v1/budgets/{budget['id']}", json={"limit_micros": 7})).json()
        gone = (await api.patch(f"/v1/budgets/{budget['id']}", json={"webhook": None})).json()
    assert (kept["webhook"], gone["webhook"]) == (url, None)
