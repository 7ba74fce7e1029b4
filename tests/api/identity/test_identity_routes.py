import asyncio
import secrets
from typing import Any

import httpx
import pytest

from tests.keys import ADMIN_KEY, bearer

WITHIN_S = 5.0


def a_name() -> str:
    """Return a name that nobody has and none looks like."""
    return "n" + "".join(secrets.choice("bcdfghjkpqxyz") for _ in range(20))


async def _made(api: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def _user(api: httpx.AsyncClient, *roles: str, tenant: str | None = None) -> dict[str, Any]:
    where = "" if tenant is None else f"?tenant={tenant}"
    user = await _made(api, f"/v1/users{where}", name=a_name())
    if not roles:
        return user
    answer = await api.put(f"/v1/users/{user['id']}/roles", json={"roles": roles})
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def _key(api: httpx.AsyncClient, user_id: str, **fields: Any) -> dict[str, Any]:
    return await _made(api, "/v1/keys", name="a key", user_id=user_id, **fields)


async def _as(api: httpx.AsyncClient, user_id: str, **fields: Any) -> dict[str, str]:
    """Return the headers of a new key of a user's."""
    return bearer((await _key(api, user_id, **fields))["secret"])


async def test_everybody_may_ask_who_they_are(idle: httpx.AsyncClient) -> None:
    user = await _user(idle)
    key = await _key(idle, user["id"], permissions=["models.read"], grants={"model": ["gpt-*"]})
    me = (await idle.get("/v1/me", headers=bearer(key["secret"]))).json()
    assert me["user"]["id"] == me["actor"] == user["id"]
    assert me["tenant"]["id"] == "default"
    assert me["key"]["id"] == key["key"]["id"]
    assert me["permissions"] == ["models.read"]
    assert me["grants"]["model"] == ["gpt-*"]
    assert (await idle.get("/v1/me", headers=bearer("lh_nothing"))).status_code == 401


async def test_a_secret_is_shown_once(idle: httpx.AsyncClient) -> None:
    user = await _user(idle)
    answer = await idle.post("/v1/keys", json={"name": "a key", "user_id": user["id"]})
    secret, key_id = answer.json()["secret"], answer.json()["key"]["id"]
    assert answer.headers["Cache-Control"] == "no-store"
    hidden = secret.rpartition("_")[2]
    for path in (f"/v1/keys/{key_id}", f"/v1/keys?user_id={user['id']}", "/v1/keys?tenant=default&limit=500"):
        seen = await idle.get(path)
        assert seen.status_code == 200, seen.text
        assert hidden not in seen.text
    assert hidden not in (await idle.get("/v1/audit?limit=50")).text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/users", {"name": "x", "id": "local"}),
        ("POST", "/v1/users", {"name": "x", "tenant": "default"}),
        ("POST", "/v1/users", {"name": "x", "roles": ["admin"]}),
        ("POST", "/v1/users", {"name": "x", "permissions": ["users.write"]}),
        ("PUT", "/v1/users/local", {"name": "x", "tenant": "default"}),
        ("PUT", "/v1/users/local", {"name": "x", "kind": "service"}),
        ("PUT", "/v1/users/local", {"name": "x", "roles": []}),
        ("PATCH", "/v1/users/local", {"disabled": False, "roles": []}),
        ("POST", "/v1/keys", {"name": "x", "id": "0" * 16}),
        ("POST", "/v1/keys", {"name": "x", "tenant": "default"}),
        ("POST", "/v1/keys", {"name": "x", "secret": "x"}),
        ("POST", "/v1/keys", {"name": "x", "created_by": "local"}),
        ("POST", "/v1/keys", {"name": "x", "generation": 7}),
        ("POST", "/v1/roles", {"name": "x", "permissions": [], "tenant": "default"}),
        ("POST", "/v1/roles", {"name": "x", "permissions": [], "built_in": True}),
        ("POST", "/v1/grants", {"subject_kind": "key", "subject": "x", "kind": "model", "pattern": "*"}),
        ("POST", "/v1/tenants", {"name": "x", "operates": True}),
        ("POST", "/v1/tenants", {"name": "x", "id": "default"}),
        ("POST", "/v1/tenants", {"name": "x", "wallet": "default"}),
        ("PUT", "/v1/tenants/default", {"name": "default", "wallet": "default", "operates": False}),
    ],
)
async def test_what_is_not_the_callers_to_say_is_refused(
    idle: httpx.AsyncClient, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = await idle.request(method, path, json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid_input"


async def test_nobody_finds_others_by_their_ids(idle: httpx.AsyncClient) -> None:
    tenant = await _made(idle, "/v1/tenants", name=a_name())
    far = await _user(idle, "admin", tenant=tenant["id"])
    mine = await _as(idle, far["id"])
    theirs = await _user(idle)
    key = (await _key(idle, theirs["id"]))["key"]
    role = await _made(idle, "/v1/roles", name=f"r-{a_name()}", permissions=["calls.read"])
    grant = await _made(
        idle, "/v1/grants", subject_kind="user", subject=theirs["id"], kind="model", pattern=f"{theirs['id']}*"
    )
    asked: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", f"/v1/users/{theirs['id']}", None),
        ("PUT", f"/v1/users/{theirs['id']}", {"name": a_name()}),
        ("PATCH", f"/v1/users/{theirs['id']}", {"disabled": True}),
        ("PUT", f"/v1/users/{theirs['id']}/roles", {"roles": []}),
        ("GET", f"/v1/keys/{key['id']}", None),
        ("PUT", f"/v1/keys/{key['id']}", {"name": "x"}),
        ("PATCH", f"/v1/keys/{key['id']}", {"disabled": True}),
        ("DELETE", f"/v1/keys/{key['id']}", None),
        ("POST", f"/v1/keys/{key['id']}/rotate", {"generation": 1}),
        ("GET", f"/v1/keys?user_id={theirs['id']}", None),
        ("POST", "/v1/keys", {"name": "x", "user_id": theirs["id"]}),
        ("GET", f"/v1/roles/{role['name']}", None),
        ("DELETE", f"/v1/roles/{role['name']}", None),
        ("DELETE", f"/v1/grants/{grant['id']}", None),
    ]
    for method, path, body in asked:
        answer = await idle.request(method, path, json=body, headers=mine)
        assert answer.status_code == 404, (method, path, answer.text)
        missing = path.replace(theirs["id"], "usr_" + "0" * 32).replace(key["id"], "0" * 16)
        again = await idle.request(method, missing, json=body, headers=mine)
        assert {**again.json(), "request_id": ""} == {**answer.json(), "request_id": ""}, "one cannot tell them apart"
    for path in ("/v1/users", "/v1/roles", "/v1/grants", "/v1/keys"):
        answer = await idle.get(f"{path}?tenant=default", headers=mine)
        assert answer.status_code == 403, answer.text
    assert (await idle.get("/v1/tenants", headers=mine)).status_code == 403
    seen = (await idle.get("/v1/users?limit=500", headers=mine)).json()["users"]
    assert [user["id"] for user in seen] == [far["id"]]


async def test_a_member_manages_own_keys_only(idle: httpx.AsyncClient) -> None:
    user, other = await _user(idle), await _user(idle)
    mine = await _as(idle, user["id"])
    made = await idle.post("/v1/keys", json={"name": "mine"}, headers=mine)
    assert made.status_code == 201, made.text
    path = f"/v1/keys/{made.json()['key']['id']}"
    listed = (await idle.get("/v1/keys", headers=mine)).json()["keys"]
    assert {key["user_id"] for key in listed} == {user["id"]}
    assert (await idle.post(f"{path}/rotate", json={"generation": 1}, headers=mine)).status_code == 200
    assert (await idle.patch(path, json={"disabled": True}, headers=mine)).json()["disabled"] is True
    assert (await idle.put(path, json={"name": "renamed"}, headers=mine)).json()["name"] == "renamed"
    assert (await idle.delete(path, headers=mine)).status_code == 204
    for path in (f"/v1/keys?user_id={other['id']}", "/v1/keys?tenant=default", "/v1/users", f"/v1/users/{user['id']}"):
        assert (await idle.get(path, headers=mine)).status_code == 403, path


async def test_of_several_rotations_at_once_one_wins(idle: httpx.AsyncClient) -> None:
    key = (await _key(idle, "local"))["key"]
    path, body = f"/v1/keys/{key['id']}/rotate", {"generation": 1, "grace_s": 60}
    answers = await asyncio.gather(*(idle.post(path, json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    lost = {"generation": 2, "rotation_id": "r-1"}
    first = (await idle.post(path, json=lost)).json()
    again = (await idle.post(path, json=lost)).json()
    assert (first["repeated"], again["repeated"], again["secret"]) == (False, True, None)
    assert again["key"]["generation"] == first["key"]["generation"] == 3


async def test_a_disabled_key_is_refused_within_5_s(idle: httpx.AsyncClient) -> None:
    made = await _key(idle, "local")
    headers = bearer(made["secret"])
    assert (await idle.get("/v1/me", headers=headers)).status_code == 200
    await idle.patch(f"/v1/keys/{made['key']['id']}", json={"disabled": True})
    async with asyncio.timeout(WITHIN_S):
        while (await idle.get("/v1/me", headers=headers)).status_code != 401:
            await asyncio.sleep(0.05)


async def test_look_alikes_and_last_admins_are_conflicts(idle: httpx.AsyncClient) -> None:
    user = await _user(idle)
    twin = await idle.post("/v1/users", json={"name": user["name"].upper()})
    assert (twin.status_code, twin.json()["problems"][0]["code"]) == (409, "duplicate_name")
    tenant = await _made(idle, "/v1/tenants", name=a_name())
    admin = await _user(idle, "admin", tenant=tenant["id"])
    for path, body in (("", {"disabled": True}), ("/roles", {"roles": ["member"]})):
        method = "PATCH" if not path else "PUT"
        answer = await idle.request(method, f"/v1/users/{admin['id']}{path}", json=body)
        assert (answer.status_code, answer.json()["problems"][0]["code"]) == (409, "last_admin")


async def test_revisions_are_kept_apart(idle: httpx.AsyncClient) -> None:
    user = await _user(idle)
    path, stale = f"/v1/users/{user['id']}", {"If-Match": '"99"'}
    assert (await idle.patch(path, json={"disabled": True}, headers=stale)).status_code == 412
    wrong = await idle.put(path, json={"name": user["name"], "expected_revision": 99})
    assert wrong.status_code == 409
    tag = (await idle.get(path)).headers["ETag"]
    assert (await idle.patch(path, json={"disabled": True}, headers={"If-Match": tag})).status_code == 200


async def test_pages_are_bounded_and_complete(idle: httpx.AsyncClient) -> None:
    tenant = await _made(idle, "/v1/tenants", name=a_name())
    made = {(await _user(idle, tenant=tenant["id"]))["id"] for _ in range(3)}
    found, after = set[str](), ""
    while True:
        page = (await idle.get(f"/v1/users?tenant={tenant['id']}&limit=2{after}")).json()
        found |= {user["id"] for user in page["users"]}
        if page["after"] is None:
            break
        after = f"&after={page['after']}"
    assert found == made
    for path in ("/v1/users", "/v1/keys", "/v1/grants", "/v1/tenants"):
        assert (await idle.get(f"{path}?limit=501")).status_code == 422
        assert (await idle.get(f"{path}?limit=0")).status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/users", {"name": "x" * 500_000}),
        ("/v1/users", {"name": "x", "display_name": "x" * 500_000}),
        ("/v1/keys", {"name": "x", "networks": ["10.0.0.0/8"] * 5_000}),
        ("/v1/keys", {"name": "x", "grants": {"model": ["x"] * 5_000}}),
        ("/v1/roles", {"name": "x", "permissions": ["calls.read"] * 5_000}),
        ("/v1/roles", {"name": "x", "permissions": [], "description": "x" * 500_000}),
        ("/v1/grants", {"subject_kind": "user", "subject": "local", "kind": "model", "pattern": "*" * 100_000}),
    ],
)
async def test_huge_inputs_are_refused(idle: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    answer = await idle.post(path, json=body)
    assert answer.status_code in {413, 422}
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    "path", ["/v1/users/{}", "/v1/keys/{}", "/v1/roles/{}", "/v1/tenants/{}", "/v1/users/{}/roles", "/v1/grants/{}"]
)
@pytest.mark.parametrize("id_", ["nobody", "%00", "x" * 3_000, "..%2f..", "usr_" + "0" * 32, "\u202e"])
async def test_strange_ids_are_not_found(idle: httpx.AsyncClient, path: str, id_: str) -> None:
    answer = await idle.request(
        "PUT" if "/roles" in path[5:] else "DELETE" if "grants" in path else "GET",
        path.format(id_),
        json={"roles": []} if path.endswith("/roles") else None,
    )
    assert answer.status_code in {404, 414, 400, 422}, answer.text


async def test_names_that_cannot_be_told_apart_are_refused(idle: httpx.AsyncClient) -> None:
    for name in ("\u0430dmin", "a\u200bb", "a\u2066b", "a b"):
        answer = await idle.post("/v1/users", json={"name": name})
        assert (answer.status_code, answer.json()["problems"][0]["code"]) == (422, "invalid_name")


async def test_an_address_outside_a_keys_networks_is_forbidden(idle: httpx.AsyncClient) -> None:
    user = await _user(idle)
    outside = await idle.get("/v1/me", headers=await _as(idle, user["id"], networks=["192.0.2.0/24"]))
    assert outside.status_code == 403
    inside = await idle.get("/v1/me", headers=await _as(idle, user["id"], networks=["127.0.0.0/8"]))
    assert inside.status_code == 200


async def test_the_admin_of_the_tests_is_the_first_user(idle: httpx.AsyncClient) -> None:
    me = (await idle.get("/v1/me", headers=bearer(ADMIN_KEY))).json()
    assert (me["user"]["id"], me["user"]["name"], me["user"]["roles"]) == ("local", "admin", ["admin"])
