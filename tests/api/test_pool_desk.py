"""The model pool over the API: configured, typed where it is wrong, audited, and never a credential in any answer."""

import logging
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client

from services.storage.database import Database
from tests.api.pool_desk import SECRET, Json, PoolDesk, pool_desk
from tests.llm.config.pool_database import own_database
from tests.workflows.product import eventually


@pytest_asyncio.fixture(scope="module")
async def pool_database(database_url: str) -> AsyncIterator[Database]:
    async with own_database(database_url) as url:
        database = Database(url)
        yield database
        await database.close()


@pytest_asyncio.fixture(scope="module")
async def _desk(pool_database: Database, client: Client) -> AsyncIterator[PoolDesk]:
    async with pool_desk(pool_database, client, f"nobody-{secrets.token_hex(4)}") as made:
        yield made


@pytest_asyncio.fixture
async def desk(_desk: PoolDesk) -> PoolDesk:
    """The desk, with names of the test's own."""
    return PoolDesk(_desk.api, _desk.admin)


def problems(said: Json) -> list[tuple[str, str]]:
    return [(problem["code"], problem["path"]) for problem in said["problems"]]


async def test_everything_is_added_read_listed_and_removed(desk: PoolDesk) -> None:
    provider, account, deployment, route = await desk.filled()
    paths = (f"/routes/{route}", f"/deployments/{deployment}", f"/accounts/{account}", f"/providers/{provider}")
    for path in paths:
        read = await desk.ask("GET", path)
        assert (read["source"], read["revision"]) == ("admin", 1)
        kind, _, name = path.strip("/").partition("/")
        listed = (await desk.ask("GET", f"/{kind}", params={"limit": 500}))[kind]
        assert name in {each.get("id") or each["name"] for each in listed}
    for path in paths:
        await desk.ask("DELETE", path, 204)
        assert (await desk.ask("GET", path, 404))["code"] == "not_found"


async def test_what_is_configured_is_shown_as_it_was_given(desk: PoolDesk) -> None:
    provider = await desk.provider(headers={"X-Team": "a"}, silence_s=9)
    limits = [
        {"kind": "requests", "amount": 60, "window_s": 60.0},
        {"kind": "concurrency", "amount": 5, "window_s": 0.0},
    ]
    account = await desk.account(provider, limits=limits, weight=3)
    assert (account["limits"], account["weight"], account["provider_id"]) == (limits, 3, provider)
    price = {"input_micros": 1, "cached_input_micros": 2, "output_micros": 3}
    deployment = await desk.deployment(account["id"], price=price, capabilities=["tools"], context_tokens=8000)
    read = await desk.ask("GET", f"/deployments/{deployment}")
    assert (read["price"], read["capabilities"], read["context_tokens"]) == (price, ["tools"], 8000)
    made = await desk.route(f"{desk.name}-x", deployment, version="2", strategy="fastest", wait_s=5, owners=["anna"])
    again = await desk.ask("GET", f"/routes/{desk.name}-x", params={"version": "2"})
    assert made == again
    assert (again["strategy"], again["wait_s"], again["owners"]) == ("fastest", 5, ["anna"])
    assert (await desk.ask("GET", f"/routes/{desk.name}-x", 404))["code"] == "not_found"


async def test_each_kind_is_replaced_as_a_whole(desk: PoolDesk) -> None:
    provider, account, deployment, route = await desk.filled()
    for path, body, field in (
        (f"/providers/{provider}", {"dialect": "gemini", "base_url": "http://127.0.0.1:7/v1beta"}, "dialect"),
        (f"/accounts/{account}", {"provider_id": provider, "weight": 7}, "weight"),
        (f"/deployments/{deployment}", {"account_id": account, "model": "other"}, "model"),
        (f"/routes/{route}", {"name": route, "strategy": "cheapest"}, "strategy"),
    ):
        named = body if "name" in body else {**body, "id": path.rpartition("/")[2]}
        said = await desk.ask("PUT", path, json={**named, "expected_revision": 1})
        assert (said[field], said["revision"]) == (body[field], 2)
        assert await desk.ask("GET", path) == said
        await desk.ask("PUT", path, 409, json={**named, "expected_revision": 1})
    assert (await desk.ask("GET", f"/routes/{route}"))["targets"] == []


async def test_a_change_tells_its_revision_and_may_demand_one(desk: PoolDesk) -> None:
    provider = await desk.provider()
    account = await desk.account(provider)
    path = f"/v1/pool/accounts/{account['id']}"
    body = {"id": account["id"], "provider_id": provider}
    first = await desk.api.get(path)
    assert first.headers["etag"] == '"1"'
    second = await desk.api.put(path, json={**body, "weight": 2}, headers={"If-Match": '"1"'})
    assert (second.status_code, second.headers["etag"]) == (200, '"2"')
    stale = await desk.api.put(path, json={**body, "weight": 3}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    in_body = await desk.api.put(path, json={**body, "weight": 3, "expected_revision": 1})
    assert (in_body.status_code, in_body.json()["code"]) == (409, "conflict")
    assert (await desk.api.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    assert (await desk.api.patch(path, json={"disabled": True}, headers={"If-Match": "x"})).status_code == 400
    assert (await desk.api.patch(path, json={"disabled": True}, headers={"If-Match": "*"})).json()["revision"] == 3
    assert (await desk.api.get(path)).json()["weight"] == 2


async def test_objects_are_switched_off_and_on(desk: PoolDesk) -> None:
    provider, account, deployment, route = await desk.filled()
    for path in (f"/providers/{provider}", f"/accounts/{account}", f"/deployments/{deployment}", f"/routes/{route}"):
        for disabled, revision in ((True, 2), (False, 3)):
            said = await desk.ask("PATCH", path, json={"disabled": disabled})
            assert (said["disabled"], said["revision"]) == (disabled, revision)
        assert (await desk.ask("PATCH", path, 422, json={"disabled": "perhaps"}))["code"] == "invalid_input"
        assert await desk.ask("PATCH", path, 409, json={"disabled": True, "expected_revision": 1})


async def test_no_answer_no_log_and_no_audit_holds_a_credential(
    desk: PoolDesk, pool_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    provider = await desk.provider()
    account = await desk.account(provider)
    path = f"/v1/pool/accounts/{account['id']}"
    body = {"id": account["id"], "provider_id": provider}
    answers = [
        await desk.api.get(path),
        await desk.api.get("/v1/pool/accounts", params={"limit": 500}),
        await desk.api.put(path, json={**body, "credential": SECRET}),
        await desk.api.put(path, json={**body, "credential": [SECRET]}),
        await desk.api.put(path, json={**body, "credential": f"{SECRET}\n"}),
        await desk.api.put(path, json={**body, "credential": SECRET, "surprise": SECRET}),
        await desk.api.post("/v1/pool/accounts", json={**body, "credential": SECRET}),
        await desk.api.post(f"{path}/unpark"),
        await desk.api.get("/v1/pool/changes", params={"limit": 200}),
        await desk.api.post("/v1/pool/credentials/rewrap"),
        await desk.api.get("/health"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422, 422, 422, 409, 200, 200, 200, 200]
    assert SECRET not in "".join(answer.text for answer in answers)
    assert SECRET not in caplog.text
    rows = await pool_database.fetch("SELECT * FROM pool_account, pool_change")
    assert SECRET not in repr([dict(row) for row in rows])
    assert answers[0].json()["has_credential"] is True


async def test_a_credential_is_kept_when_it_is_absent_and_removed_by_null(desk: PoolDesk) -> None:
    provider = await desk.provider()
    account = await desk.account(provider)
    body: Json = {"id": account["id"], "provider_id": provider}
    kept = await desk.ask("PUT", f"/accounts/{account['id']}", json=body)
    assert kept["credential_set_at"] == account["credential_set_at"]
    removed = await desk.ask("PUT", f"/accounts/{account['id']}", json={**body, "credential": None})
    assert (removed["has_credential"], removed["credential_set_at"]) == (False, None)


async def test_rewrapping_tells_what_it_found(desk: PoolDesk) -> None:
    await desk.account(await desk.provider())
    found = await desk.ask("POST", "/credentials/rewrap")
    assert found["total"] == found["active"] + found["unopenable"] > 0
    assert found["moved"] == 0


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("providers", {}, ("missing", "/id")),
        ("providers", {"id": "Bad Id"}, ("string_pattern_mismatch", "/id")),
        ("providers", {"id": "x", "dialect": "cobol", "base_url": "http://h"}, ("enum", "/dialect")),
        (
            "providers",
            {"id": "x", "dialect": "openai", "base_url": "ftp://h"},
            ("string_pattern_mismatch", "/base_url"),
        ),
        (
            "providers",
            {"id": "x", "dialect": "openai", "base_url": "http://me:pw@h"},
            ("string_pattern_mismatch", "/base_url"),
        ),
        (
            "providers",
            {"id": "x", "dialect": "openai", "base_url": "http://169.254.169.254", "allow_private": True},
            ("address_refused", "/base_url"),
        ),
        (
            "providers",
            {"id": "x", "dialect": "openai", "base_url": "http://10.0.0.1"},
            ("address_refused", "/base_url"),
        ),
        ("accounts", {"id": "x", "provider_id": "nobody"}, ("unknown_provider", "/provider_id")),
        (
            "accounts",
            {"id": "x", "provider_id": "p", "limits": [{"kind": "requests", "amount": 1}]},
            ("value_error", "/limits/0"),
        ),
        (
            "accounts",
            {"id": "x", "provider_id": "p", "limits": [{"kind": "concurrency", "amount": 1}] * 2},
            ("duplicate_limit", "/limits/1"),
        ),
        ("accounts", {"id": "x", "provider_id": "p", "weight": 0}, ("greater_than_equal", "/weight")),
        ("accounts", {"id": "x", "provider_id": "p", "credential": "two words"}, ("value_error", "/credential")),
        ("accounts", {"id": "x", "provider_id": "p", "credential": ""}, ("too_short", "/credential")),
        ("deployments", {"id": "x", "account_id": "nobody", "model": "m"}, ("unknown_account", "/account_id")),
        ("deployments", {"id": "x", "account_id": "a", "model": "a b"}, ("string_pattern_mismatch", "/model")),
        (
            "routes",
            {"name": "x", "targets": [{"deployment_id": "nobody"}]},
            ("unknown_deployment", "/targets/0/deployment_id"),
        ),
        ("routes", {"name": "x", "fallbacks": ["nowhere"]}, ("unknown_route", "/fallbacks/0")),
        ("routes", {"name": "x", "fallbacks": ["x"]}, ("fallback_loop", "/fallbacks/0")),
        ("routes", {"name": "a*b"}, ("bad_wildcard", "/name")),
        ("routes", {"name": "x", "version": "a@b"}, ("string_pattern_mismatch", "/version")),
        ("routes", {"name": "x", "colour": "red"}, ("extra_forbidden", "/colour")),
    ],
)
async def test_what_is_wrong_has_a_code_and_a_place(
    desk: PoolDesk, path: str, body: Json, expected: tuple[str, str]
) -> None:
    said = await desk.ask("POST", f"/{path}", 422, json=body)
    assert expected in problems(said)
    assert "pw" not in str(said)


@pytest.mark.parametrize("path", ["providers", "accounts", "deployments", "routes"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"id": "a\\u0000b", "name": "a\\u0000b"}', 422),
        (b'{"id": "a\\ud800b", "name": "a\\ud800b"}', 422),
        (b'{"weight": NaN}', 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 422),
    ],
)
async def test_what_no_table_takes_is_refused(desk: PoolDesk, path: str, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = await desk.api.post(f"/v1/pool/{path}", content=body, headers=headers)
    assert answer.status_code == status
    plain = await desk.api.post(f"/v1/pool/{path}", content=b"{}", headers={"content-type": "text/plain"})
    assert plain.status_code == 415


@pytest.mark.parametrize("name", ["Nope", "no pe", "x" * 81, "%00", "no-such-thing"])
async def test_what_is_no_id_is_not_found(desk: PoolDesk, name: str) -> None:
    for kind in ("providers", "accounts", "deployments", "routes"):
        assert (await desk.api.get(f"/v1/pool/{kind}/{name}")).status_code == 404
        assert (await desk.api.delete(f"/v1/pool/{kind}/{name}")).status_code == 404
        assert (await desk.api.patch(f"/v1/pool/{kind}/{name}", json={"disabled": True})).status_code == 404
    for end in ("unpark", "test"):
        assert (await desk.api.post(f"/v1/pool/accounts/{name}/{end}")).status_code == 404


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"after": "a\0b"}, {"surprise": 1}])
async def test_a_wrong_query_is_refused(desk: PoolDesk, query: dict[str, Any]) -> None:
    for path in ("/providers", "/accounts", "/deployments", "/routes", "/nodes"):
        await desk.ask("GET", path, 422, params=query)


async def test_a_body_of_another_object_is_refused(desk: PoolDesk) -> None:
    provider, _, _, route = await desk.filled()
    body = {"id": "other", "dialect": "openai", "base_url": "http://127.0.0.1:9"}
    assert problems(await desk.ask("PUT", f"/providers/{provider}", 422, json=body)) == [("id_mismatch", "/id")]
    said = await desk.ask("PUT", f"/routes/{route}", 422, json={"name": route, "version": "2"})
    assert problems(said) == [("id_mismatch", "/version")]


async def test_there_is_one_of_each_name(desk: PoolDesk) -> None:
    provider, account, deployment, route = await desk.filled()
    for path, body, place in (
        ("/providers", {"id": provider, "dialect": "openai", "base_url": "http://127.0.0.1:9"}, "/id"),
        ("/accounts", {"id": account, "provider_id": provider}, "/id"),
        ("/deployments", {"id": deployment, "account_id": account, "model": "m"}, "/id"),
        ("/routes", {"name": route}, "/name"),
    ):
        assert problems(await desk.ask("POST", path, 409, json=body)) == [("duplicate_id", place)]


async def test_what_others_stand_on_is_a_409_that_names_them(desk: PoolDesk) -> None:
    provider, account, deployment, route = await desk.filled()
    other = f"{desk.name}-other"
    await desk.route(other, fallbacks=[route])
    for path, named in (
        (f"/providers/{provider}", account),
        (f"/accounts/{account}", deployment),
        (f"/deployments/{deployment}", route),
        (f"/routes/{route}", other),
    ):
        said = await desk.ask("DELETE", path, 409)
        assert named in said["detail"]
        assert [problem["message"] for problem in said["problems"]] == [named]


async def test_lists_come_in_pages(desk: PoolDesk) -> None:
    provider = await desk.provider()
    ids = [(await desk.account(provider, f"a{n}"))["id"] for n in range(5)]
    seen: list[str] = []
    query: Json = {"limit": 2, "provider_id": provider}
    while True:
        page = await desk.ask("GET", "/accounts", params=query)
        seen += [each["id"] for each in page["accounts"]]
        if page["after"] is None:
            break
        query["after"] = page["after"]
    assert seen == ids


async def test_routes_come_in_pages(desk: PoolDesk) -> None:
    wanted = [(f"{desk.name}@x", ""), (f"{desk.name}/m", ""), (f"{desk.name}/m", "1"), (f"{desk.name}/m", "2")]
    for name, version in wanted:
        await desk.route(name, version=version)
    seen: list[tuple[str, str]] = []
    query: Json = {"limit": 1}
    while True:
        page = await desk.ask("GET", "/routes", params=query)
        seen += [(each["name"], each["version"]) for each in page["routes"]]
        if page["after"] is None:
            break
        query["after"] = page["after"]
    assert [key for key in seen if key in wanted] == sorted(wanted)
    assert len(seen) == len(set(seen))


async def test_the_audit_says_who_changed_what(desk: PoolDesk) -> None:
    _, account, _, _ = await desk.filled()
    await desk.ask("PATCH", f"/accounts/{account}", json={"disabled": True})
    found = await desk.ask("GET", "/changes", params={"kind": "account", "object_id": account})
    assert [(change["actor"], change["action"]) for change in found["changes"]] == [
        ("local", "disable"),
        ("local", "create"),
    ]
    assert found["changes"][0]["data"]["disabled"] is True
    assert found["changes"][1]["data"]["credential"] == "set"
    first = await desk.ask("GET", "/changes", params={"object_id": account, "limit": 1})
    rest = await desk.ask("GET", "/changes", params={"object_id": account, "limit": 1, "before": first["before"]})
    assert first["changes"] + rest["changes"] == found["changes"]
    await desk.ask("GET", "/changes", 422, params={"kind": "surprise"})


async def test_a_node_registers_beats_and_goes(desk: PoolDesk) -> None:
    node_id, model = f"{desk.name}-gpu", f"{desk.name}-llama"
    body = {"base_url": "http://127.0.0.1:11434/v1", "models": [model], "concurrency": 2}
    first = await desk.ask("PUT", f"/nodes/{node_id}", json=body)
    second = await desk.ask("PUT", f"/nodes/{node_id}", json=body)
    assert (first["silent"], first["ttl_s"], first["account_id"]) == (False, 15, f"node-{node_id}")
    assert second["registered_at"] == first["registered_at"]
    assert second["seen_at"] > first["seen_at"]
    assert node_id in [each["id"] for each in (await desk.ask("GET", "/nodes"))["nodes"]]
    assert (await desk.ask("GET", f"/routes/{model}"))["source"] == "node"
    await desk.ask("DELETE", f"/nodes/{node_id}", 204)
    await desk.ask("DELETE", f"/nodes/{node_id}", 404)
    await desk.ask("GET", f"/routes/{model}", 404)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"base_url": "http://10.0.0.1/v1", "models": ["m"]}, "/base_url"),
        ({"base_url": "http://169.254.169.254/v1", "models": ["m"], "allow_private": True}, "/base_url"),
        ({"base_url": "http://127.0.0.1/v1", "models": []}, "/models"),
        ({"base_url": "http://127.0.0.1/v1", "models": ["m"], "ttl_s": 0}, "/ttl_s"),
        ({"base_url": "http://127.0.0.1/v1"}, "/models"),
    ],
)
async def test_what_is_no_node_is_refused(desk: PoolDesk, body: Json, place: str) -> None:
    assert place in [path for _, path in problems(await desk.ask("PUT", "/nodes/gpu", 422, json=body))]
    await desk.ask("PUT", "/nodes/Bad%20Id", 422, json={"base_url": "http://127.0.0.1/v1", "models": ["m"]})


async def test_health_names_what_is_out_of_use(desk: PoolDesk, pool_database: Database) -> None:
    account = (await desk.account(await desk.provider()))["id"]
    await pool_database.fetch(
        "UPDATE pool_account SET parked_at = now(), parked_code = 'model_credential_dead' WHERE id = $1",
        account,
    )
    found = (await desk.api.get("/health")).json()
    assert found["status"] == "degraded"
    assert account in [parked["id"] for parked in found["pool"]["parked_accounts"]]
    shown = await desk.ask("GET", f"/accounts/{account}")
    assert shown["parked"]["code"] == "model_credential_dead"
    assert (await desk.ask("POST", f"/accounts/{account}/unpark"))["parked"] is None
    assert (await desk.api.get("/health")).json()["pool"]["parked"] == found["pool"]["parked"] - 1


async def test_two_apis_see_each_others_changes_within_two_seconds(
    desk: PoolDesk, pool_database: Database, client: Client
) -> None:
    _, _, deployment, route = await desk.filled()
    async with pool_desk(pool_database, client, "nobody") as other:

        async def both_know() -> bool:
            return all(each.admin.route(route) is not None for each in (desk, other))

        async def both_have_forgotten() -> bool:
            return all(each.admin.route(route) is None for each in (desk, other))

        await eventually(both_know, 2)
        found = other.admin.route(route)
        assert found is not None
        assert [each.id for each in other.admin.deployments_of(found)] == [deployment]
        await other.ask("PATCH", f"/routes/{route}", json={"disabled": True})
        await eventually(both_have_forgotten, 2)


async def test_a_route_for_some_is_not_offered_to_others(desk: PoolDesk) -> None:
    for name, owners in (("all", None), ("anna", ["anna"]), ("nobody", [])):
        await desk.route(f"{desk.name}-{name}", owners=owners)

    async def offered() -> list[str]:
        found = [route.name for route in desk.admin.routes_for("anna")]
        return [name for name in found if name.startswith(desk.name)]

    await eventually(offered, 2)
    assert await offered() == [f"{desk.name}-all", f"{desk.name}-anna"]


async def test_an_api_without_a_pool_says_so(idle: httpx.AsyncClient) -> None:
    answer = await idle.get("/v1/pool/providers")
    assert (answer.status_code, answer.json()["code"]) == (503, "no_pool")
    assert (await idle.get("/health")).json()["pool"] is None
