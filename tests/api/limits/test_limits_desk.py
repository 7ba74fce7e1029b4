import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api import limiting
from api.parts import Parts
from domain.caller import Caller
from services.storage.database import Database
from services.storage.event_reader import EventReader
from tests.api.served import serving
from tests.limits.people import new_tenant, person

PATIENCE_S = 5.0


async def limited(api: httpx.AsyncClient, subject: str, amount: int, **more: Any) -> dict[str, Any]:
    body = {"subject": subject, "kind": "requests", "amount": amount, "window_s": 3600, **more}
    answer = await api.post("/v1/limits", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def until_counted(client: httpx.AsyncClient) -> None:
    """Ask until this very API has seen that the caller is limited."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            before = await used(client)
            await client.get("/v1/models")
            if await used(client) > before:
                return
            await asyncio.sleep(0.05)


async def used(client: httpx.AsyncClient) -> int:
    """Return how much of the caller's first limit is used, 0 without one."""
    limits = (await client.get("/v1/limits/standing")).json()["limits"]
    return int(limits[0]["used"]) if limits else 0


async def test_a_limit_is_added_read_changed_listed_and_removed(idle: httpx.AsyncClient, database: Database) -> None:
    someone = await person(database)
    made = await limited(idle, f"user:{someone.user}", 5)
    path = f"/v1/limits/{made['id']}"
    assert (made["tenant"], made["kind"], made["amount"], made["window_s"]) == ("default", "requests", 5, 3600)
    assert (await idle.get(path)).json() == made
    changed = (await idle.patch(path, json={"amount": 7})).json()
    assert (changed["amount"], changed["revision"]) == (7, 2)
    found = (await idle.get("/v1/limits", params={"subject": f"user:{someone.user}"})).json()
    assert found == {"limits": [changed], "after": None}
    assert (await idle.delete(path)).status_code == 204
    assert (await idle.get(path)).status_code == (await idle.delete(path)).status_code == 404
    audited = await database.fetch("SELECT action FROM audit_entry WHERE object_id = $1 ORDER BY id", made["id"])
    assert [row["action"] for row in audited] == ["limit.create", "limit.change", "limit.delete"]


async def test_lists_come_in_pages(idle: httpx.AsyncClient, database: Database) -> None:
    subject = f"user:{(await person(database)).user}"
    made = [await limited(idle, subject, 5, window_s=window) for window in (1, 2, 3)]
    first = (await idle.get("/v1/limits", params={"subject": subject, "limit": 2})).json()
    rest = (await idle.get("/v1/limits", params={"subject": subject, "after": first["after"]})).json()
    assert first["limits"] + rest["limits"] == made
    assert rest["after"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": -1},
        {"amount": 10**13},
        {"amount": 1.5},
        {"amount": True},
        {"amount": "5"},
        {"window_s": 0},
        {"window_s": -60},
        {"window_s": 10**9},
        {"kind": "cost"},
        {"kind": "concurrency"},
        {"subject": "user:nobody"},
        {"subject": "key:0000000000000000"},
        {"subject": "tenant:none"},
        {"subject": "role:admin"},
        {"subject": "user:" + "x" * 200},
        {"subject": "user:a\u0000b"},
        {"tenant": "default"},
        {"revision": 9},
        {"id": "lim_" + "0" * 32},
    ],
)
async def test_what_is_no_limit_is_refused(idle: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
    body = {"subject": "tenant:default", "kind": "requests", "amount": 5, "window_s": 7, **wrong}
    answer = await idle.post("/v1/limits", json=body)
    assert answer.status_code == 422, answer.text


async def test_a_change_is_of_the_amount_alone(idle: httpx.AsyncClient, database: Database) -> None:
    made = await limited(idle, f"user:{(await person(database)).user}", 5)
    for wrong in ({}, {"amount": -1}, {"amount": 5, "window_s": 60}, {"amount": 5, "subject": "tenant:default"}):
        assert (await idle.patch(f"/v1/limits/{made['id']}", json=wrong)).status_code == 422


async def test_one_limit_of_a_kind_and_window_and_a_dozen_in_all(idle: httpx.AsyncClient, database: Database) -> None:
    subject = f"user:{(await person(database)).user}"
    await limited(idle, subject, 5, window_s=1)
    again = {"subject": subject, "kind": "requests", "amount": 9, "window_s": 1}
    assert (await idle.post("/v1/limits", json=again)).status_code == 409
    for window in range(2, 13):
        await limited(idle, subject, 5, window_s=window)
    assert (await idle.post("/v1/limits", json={**again, "window_s": 99})).status_code == 409


async def test_a_tenants_own_limit_is_not_its_operators_to_lift(idle: httpx.AsyncClient, database: Database) -> None:
    tenant = await new_tenant(database)
    operator = await person(database, "operator", tenant=tenant)
    of_tenant = await limited(idle, f"tenant:{tenant}", 1000)
    async with operator.client(idle) as api:
        path = f"/v1/limits/{of_tenant['id']}"
        assert (await api.get(path)).json() == of_tenant
        assert (await api.patch(path, json={"amount": 10**6})).status_code == 403
        assert (await api.delete(path)).status_code == 403
        body = {"subject": f"tenant:{tenant}", "kind": "requests", "amount": 5, "window_s": 7}
        assert (await api.post("/v1/limits", json=body)).status_code == 403
        assert (await limited(api, f"user:{operator.user}", 100))["tenant"] == tenant


async def test_limits_of_another_tenant_are_not_there(idle: httpx.AsyncClient, database: Database) -> None:
    stranger = await person(database, "operator", tenant=await new_tenant(database))
    someone = await person(database)
    made = await limited(idle, f"key:{someone.key_id}", 50)
    async with stranger.client(idle) as api:
        path = f"/v1/limits/{made['id']}"
        found = [await api.get(path), await api.patch(path, json={"amount": 1}), await api.delete(path)]
        assert [answer.status_code for answer in found] == [404, 404, 404]
        assert made not in (await api.get("/v1/limits", params={"limit": 500})).json()["limits"]
        body = {"subject": f"key:{someone.key_id}", "kind": "requests", "amount": 0, "window_s": 7}
        assert (await api.post("/v1/limits", json=body)).status_code == 422


async def test_members_set_no_limits_but_see_what_is_left_of_theirs(
    idle: httpx.AsyncClient, database: Database
) -> None:
    member = await person(database, "member")
    await limited(idle, f"key:{member.key_id}", 5)
    async with member.client(idle) as api:
        assert (await api.get("/v1/limits")).status_code == 403
        told = (await api.get("/v1/limits/standing")).json()["limits"]
    assert [(limit["subject"], limit["amount"], limit["remaining"]) for limit in told] == [
        (f"key:{member.key_id}", 5, 5)
    ]


async def test_one_request_too_many_is_a_429_in_every_process(
    idle: httpx.AsyncClient, idle_parts: Parts, database: Database
) -> None:
    member = await person(database, "member")
    other = replace(idle_parts, reader=EventReader(database))
    async with serving(other) as there, member.client(idle) as one, member.client(there) as two:
        await limited(idle, f"user:{member.user}", 8)
        await until_counted(one)
        await until_counted(two)
        told = [await client.get("/v1/requests") for client in (one, two) * 8]
        assert {answer.status_code for answer in told} == {200, 429}
        refused = told[-1]
        assert (await one.get("/v1/limits/standing")).status_code == 200  # who is limited may see by what
    problem = refused.json()
    assert (problem["status"], problem["code"]) == (429, "rate_limited")
    assert "requests per hour of the user" in problem["detail"]
    assert refused.headers["ratelimit-policy"] == '"user-requests-3600";q=8;w=3600'
    assert refused.headers["ratelimit"].startswith('"user-requests-3600";r=0;t=')
    assert 3000 < int(refused.headers["retry-after"]) <= 3661
    assert int(refused.headers["retry-after-ms"]) <= int(refused.headers["retry-after"]) * 1000


async def test_the_gateways_doors_tell_a_429_in_their_own_form(idle: httpx.AsyncClient, database: Database) -> None:
    member = await person(database, "member")
    await limited(idle, f"user:{member.user}", 1)
    async with member.client(idle) as api:
        await until_counted(api)
        ours, openai = await api.get("/v1/requests"), await api.get("/v1/models")
        anthropic = await api.post("/v1/messages/count_tokens", json={})
    assert [answer.status_code for answer in (ours, openai, anthropic)] == [429] * 3
    assert openai.json()["error"]["type"] == "rate_limit_error"
    assert openai.json()["error"]["code"] == "rate_limit_exceeded"
    assert anthropic.json()["error"]["type"] == "rate_limit_error"
    assert anthropic.json()["type"] == "error"


async def test_who_has_no_limits_costs_no_statement(
    idle_parts: Parts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = Caller("usr_free", "ten_free", key_id="feed")
    await idle_parts.limited.refresh()
    asked: list[str] = []
    fetch = Database.fetch

    async def noted(self: Database, query: str, *parameters: object) -> Any:
        asked.append(query)
        return await fetch(self, query, *parameters)

    monkeypatch.setattr(Database, "fetch", noted)
    await limiting.count_call(idle_parts, free)
    assert await limiting.admit_call(idle_parts, free, "call_x", 10) is None
    assert [query for query in asked if "limit_take" in query] == []
    assert await database.fetch("SELECT FROM caller_use WHERE id = 'call_x'") == []
