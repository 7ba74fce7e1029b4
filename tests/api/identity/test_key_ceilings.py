"""Budgets and limits that a key gets when it is made: shown with it, kept by rotation, and no way round them."""

import secrets
from typing import Any

import httpx
import pytest

from services.storage.database import Database
from tests.keys import bearer

BUDGET = {"period": "day", "limit_micros": 300, "soft_percents": [80]}
LIMIT = {"kind": "requests", "amount": 50, "window_s": 60}
BOTH: dict[str, Any] = {"budgets": [BUDGET], "limits": [LIMIT]}


async def _key(api: httpx.AsyncClient, who: dict[str, str] | None = None, **fields: Any) -> tuple[str, dict[str, str]]:
    """Make a key; return its id, and the headers that bring it."""
    answer = await api.post("/v1/keys", json={"name": "a key", **fields}, headers=who)
    assert answer.status_code == 201, answer.text
    return answer.json()["key"]["id"], bearer(answer.json()["secret"])


async def _member(api: httpx.AsyncClient) -> tuple[str, dict[str, str]]:
    """Make a member; return their id, and the headers of a key without bounds."""
    made = await api.post("/v1/users", json={"name": "m" + "".join(secrets.choice("bcdfghjk") for _ in range(20))})
    user: str = made.json()["id"]
    return user, (await _key(api, user_id=user))[1]


async def test_they_are_shown_wherever_the_key_is(idle: httpx.AsyncClient, database: Database) -> None:
    user, _ = await _member(idle)
    key, headers = await _key(idle, user_id=user, **BOTH)
    shown = (await idle.get(f"/v1/keys/{key}")).json()
    assert [{name: budget[name] for name in BUDGET} for budget in shown["budgets"]] == [BUDGET]
    assert [{name: limit[name] for name in LIMIT} for limit in shown["limits"]] == [LIMIT]
    assert shown["budgets"][0]["left_micros"] == 300
    assert (await idle.get("/v1/me", headers=headers)).json()["key"]["budgets"] == shown["budgets"]
    listed = {each["id"]: each for each in (await idle.get(f"/v1/keys?user_id={user}")).json()["keys"]}
    assert (listed[key]["budgets"], listed[key]["limits"]) == (shown["budgets"], shown["limits"])
    assert [each["budgets"] for name, each in listed.items() if name != key] == [[]]
    assert (await idle.get(f"/v1/budgets?subject=key:{key}")).json()["budgets"] == shown["budgets"]
    assert (await idle.get(f"/v1/limits?subject=key:{key}")).json()["limits"] == shown["limits"]
    noted = await database.fetch(
        "SELECT action FROM audit_entry WHERE object_id = $1 OR details->>'subject' = 'key:' || $1 ORDER BY id", key
    )
    assert [row["action"] for row in noted] == ["key.create", "budget.create", "limit.create"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"budgets": [{**BUDGET, "limit_micros": -1}]},
        {"budgets": [{**BUDGET, "limit_micros": 10**18}]},
        {"budgets": [{**BUDGET, "limit_micros": 1.5}]},
        {"budgets": [{**BUDGET, "period": "year"}]},
        {"budgets": [{**BUDGET, "subject": "tenant:default"}]},
        {"budgets": [{**BUDGET, "tenant": "default"}]},
        {"budgets": [{**BUDGET, "webhook": "https://hooks.example/x"}]},
        {"budgets": [BUDGET] * 13},
        {"limits": [{**LIMIT, "amount": -1}]},
        {"limits": [{**LIMIT, "amount": True}]},
        {"limits": [{**LIMIT, "kind": "concurrency"}]},
        {"limits": [{**LIMIT, "subject": "user:local"}]},
        {"limits": [LIMIT, {**LIMIT, "amount": 7}]},
        {"limits": [{**LIMIT, "window_s": 60 + number} for number in range(13)]},
        {"limits": None},
    ],
)
async def test_what_is_none_is_refused_with_the_key(
    idle: httpx.AsyncClient, database: Database, wrong: dict[str, Any]
) -> None:
    name = secrets.token_hex(8)
    answer = await idle.post("/v1/keys", json={"name": name, **wrong})
    assert answer.status_code == 422, answer.text
    assert not await database.fetch("SELECT FROM api_key WHERE name = $1", name)


async def test_rotation_keeps_them_and_may_add_some(idle: httpx.AsyncClient) -> None:
    key, _ = await _key(idle, **BOTH)
    path = f"/v1/keys/{key}/rotate"
    kept = (await idle.post(path, json={"generation": 1})).json()["key"]
    assert (len(kept["budgets"]), len(kept["limits"])) == (1, 1)
    more = {"limits": [{"kind": "tokens", "amount": 9, "window_s": 60}], "budgets": [{**BUDGET, "period": "total"}]}
    body = {"generation": 2, "rotation_id": "r-1", **more}
    for _ in range(2):
        added = (await idle.post(path, json=body)).json()["key"]
        assert [limit["kind"] for limit in added["limits"]] == ["requests", "tokens"]
        assert [budget["period"] for budget in added["budgets"]] == ["day", "total"]


async def test_a_rotation_whose_limits_are_refused_has_not_happened(idle: httpx.AsyncClient) -> None:
    key, headers = await _key(idle, **BOTH)
    body = {"generation": 1, "grace_s": 0, "budgets": [BUDGET], "limits": [{**LIMIT, "amount": 5000}]}
    assert (await idle.post(f"/v1/keys/{key}/rotate", json=body)).status_code == 409
    now = (await idle.get(f"/v1/keys/{key}")).json()
    assert (now["generation"], len(now["budgets"]), now["limits"][0]["amount"]) == (1, 1, 50)
    assert (await idle.get("/v1/me", headers=headers)).status_code == 200


async def test_a_member_bounds_their_own_key_and_does_not_lift_it(idle: httpx.AsyncClient) -> None:
    _, member = await _member(idle)
    key, own = await _key(idle, member, **BOTH)
    shown = (await idle.get(f"/v1/keys/{key}", headers=member)).json()
    budget, limit = f"/v1/budgets/{shown['budgets'][0]['id']}", f"/v1/limits/{shown['limits'][0]['id']}"
    for headers in (member, own):
        assert (await idle.patch(budget, json={"limit_micros": 10**9}, headers=headers)).status_code == 403
        assert (await idle.delete(budget, headers=headers)).status_code == 403
        assert (await idle.patch(limit, json={"amount": 10**9}, headers=headers)).status_code == 403
        assert (await idle.delete(limit, headers=headers)).status_code == 403
    put = await idle.put(f"/v1/keys/{key}", json={"name": "again", "budgets": []}, headers=member)
    assert put.status_code == 422
    renamed = (await idle.put(f"/v1/keys/{key}", json={"name": "again"}, headers=member)).json()
    assert (renamed["name"], renamed["budgets"], renamed["limits"]) == ("again", shown["budgets"], shown["limits"])


@pytest.mark.parametrize("ceiling", [{"budgets": [BUDGET]}, {"limits": [LIMIT]}])
async def test_a_bounded_key_opens_nothing_that_is_not_bounded(
    idle: httpx.AsyncClient, ceiling: dict[str, Any]
) -> None:
    user, member = await _member(idle)
    other, _ = await _key(idle, member)
    key, bounded = await _key(idle, member, **ceiling)
    for asked in ({"name": "free"}, {"name": "as narrow", **ceiling}):
        refused = await idle.post("/v1/keys", json=asked, headers=bounded)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), refused.text
    rotated = await idle.post(f"/v1/keys/{other}/rotate", json={"generation": 1}, headers=bounded)
    assert rotated.status_code == 403
    assert (await idle.patch(f"/v1/keys/{other}", json={"disabled": True}, headers=bounded)).status_code == 200
    assert (await idle.patch(f"/v1/keys/{other}", json={"disabled": False}, headers=bounded)).status_code == 403
    own = await idle.post(f"/v1/keys/{key}/rotate", json={"generation": 1}, headers=bounded)
    assert own.status_code == 200
    assert (await idle.get("/v1/keys", headers=bounded)).json()["keys"][0]["user_id"] == user


async def test_what_only_alerts_bounds_nobody(idle: httpx.AsyncClient) -> None:
    _, member = await _member(idle)
    _, watched = await _key(idle, member, budgets=[{**BUDGET, "hard": False}])
    await _key(idle, watched)


async def test_who_may_lift_them_is_not_held_by_them(idle: httpx.AsyncClient) -> None:
    _, admin = await _key(idle, **BOTH)
    await _key(idle, admin)


async def test_a_limit_of_a_new_key_holds_at_once(idle: httpx.AsyncClient) -> None:
    user, _ = await _member(idle)
    _, headers = await _key(idle, user_id=user, limits=[{**LIMIT, "amount": 2}])
    answers = [await idle.get("/v1/me", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert int(answers[2].headers["retry-after"]) > 0
