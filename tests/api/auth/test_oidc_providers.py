"""OpenID providers as admins configure them: by tenant, with secrets that are never shown again."""

from typing import Any

import httpx
import pytest

from services.identity.oidc.desk import bound_to
from services.storage.database import Database
from tests.api.auth.provider import CLIENT_SECRET, Sim, added, body
from tests.identity.passworded import PASSWORD, make_person, make_tenant
from tests.keys import VAULT, bearer


async def admin_of(database: Database, nobody: httpx.AsyncClient, tenant: str) -> dict[str, str]:
    """Return the header of a new admin of a tenant."""
    person = await make_person(database, tenant=tenant)
    await database.fetch("INSERT INTO user_role (user_id, role) VALUES ($1, 'admin')", person.id)
    form = {"grant_type": "password", "username": person.name, "password": PASSWORD}
    answer = await nobody.post("/v1/auth/token", data=form)
    return bearer(answer.json()["access_token"])


async def test_provider_is_added_read_changed_and_removed(api: httpx.AsyncClient, sim: Sim) -> None:
    wanted = body(sim)
    made = await api.post("/v1/oidc-providers", json=wanted)
    assert made.status_code == 201
    path = f"/v1/oidc-providers/{wanted['id']}"
    assert made.headers["location"] == path
    assert made.headers["etag"] == '"1"'
    shown = (await api.get(path)).json()
    assert shown == made.json()
    assert (shown["secret_set"], shown["tenant"], shown["disabled"]) == (True, "default", False)
    del wanted["client_secret"]
    changed = await api.put(path, json={**wanted, "name": "Another name"}, headers={"if-match": '"1"'})
    assert (changed.json()["name"], changed.json()["secret_set"], changed.json()["revision"]) == (
        "Another name",
        True,
        2,
    )
    stale = await api.put(path, json={**wanted, "expected_revision": 1})
    assert stale.status_code == 409
    assert (await api.delete(path, headers={"if-match": '"1"'})).status_code == 412
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404
    assert (await api.delete(path)).status_code == 404


async def test_secret_is_sealed_and_never_shown(api: httpx.AsyncClient, sim: Sim, database: Database) -> None:
    provider = await added(api, sim)
    listed = await api.get("/v1/oidc-providers", params={"limit": 500})
    assert provider in {each["id"] for each in listed.json()["providers"]}
    assert CLIENT_SECRET not in listed.text
    (row,) = await database.fetch("SELECT * FROM oidc_provider WHERE id = $1", provider)
    assert CLIENT_SECRET not in str(dict(row))
    assert VAULT.open(bytes(row["client_secret"]), bound_to=bound_to(provider)).decode() == CLIENT_SECRET
    noted = await database.fetch("SELECT details FROM audit_entry WHERE object_id = $1", provider)
    assert CLIENT_SECRET not in str([dict(each) for each in noted])
    assert noted[0]["details"]["client_secret"] == "set"


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "ftp://issuer.invalid"},
        {"issuer": "https://user:password@issuer.invalid"},
        {"issuer": "https://issuer.invalid/?a=b"},
        {"issuer": "https://issuer.invalid/#a"},
        {"issuer": "https://"},
        {"issuer": "http://issuer.invalid", "allow_private": False},
        {"issuer": 7},
        {"id": "Upper"},
        {"id": "../x"},
        {"client_id": ""},
        {"client_id": "with space"},
        {"client_auth": "private_key_jwt"},
        {"client_auth": "none"},
        {"client_secret": None},
        {"client_secret": "x" * 5000},
        {"scopes": ["a b"]},
        {"scopes": ["x"] * 50},
        {"redirect_uri": "javascript:alert(1)"},
        {"name": "\x00"},
        {"tenant": "another"},
        {"disabled": True},
        {"creates_users": "maybe"},
    ],
)
async def test_wrong_provider_is_refused(api: httpx.AsyncClient, sim: Sim, wrong: dict[str, Any]) -> None:
    answer = await api.post("/v1/oidc-providers", json=body(sim, **wrong))
    assert answer.status_code == 422, answer.text
    assert CLIENT_SECRET not in answer.text


async def test_issuer_stays(api: httpx.AsyncClient, sim: Sim) -> None:
    """With another one the same subjects would be other people, and be let in as these."""
    provider = await added(api, sim)
    answer = await api.put(
        f"/v1/oidc-providers/{provider}", json=body(sim, id=provider, issuer="https://other.invalid")
    )
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["path"] == "/issuer"


async def test_id_is_taken_once(api: httpx.AsyncClient, sim: Sim) -> None:
    provider = await added(api, sim)
    assert (await api.post("/v1/oidc-providers", json=body(sim, id=provider))).status_code == 409


async def test_other_tenants_providers_are_not_found(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, database: Database
) -> None:
    ours = await added(api, sim)
    other = await admin_of(database, nobody, await make_tenant(database))
    theirs = body(sim, issuer="https://issuer.invalid", allow_private=False)
    assert (await nobody.post("/v1/oidc-providers", json=theirs, headers=other)).status_code == 201
    listed = (await nobody.get("/v1/oidc-providers", headers=other)).json()["providers"]
    assert [each["id"] for each in listed] == [theirs["id"]]
    assert (await api.get(f"/v1/oidc-providers/{theirs['id']}")).status_code == 404
    path = f"/v1/oidc-providers/{ours}"
    for answer in (
        await nobody.get(path, headers=other),
        await nobody.put(path, json=body(sim, id=ours, allow_private=False), headers=other),
        await nobody.patch(path, json={"disabled": True}, headers=other),
        await nobody.delete(path, headers=other),
    ):
        assert answer.status_code in {404, 422}
    assert not (await api.get(path)).json()["disabled"]


async def test_private_networks_are_for_who_runs_the_installation(
    nobody: httpx.AsyncClient, sim: Sim, database: Database
) -> None:
    other = await admin_of(database, nobody, await make_tenant(database))
    answer = await nobody.post("/v1/oidc-providers", json=body(sim), headers=other)
    assert answer.status_code == 403


async def test_members_change_no_providers(nobody: httpx.AsyncClient, sim: Sim, database: Database) -> None:
    person = await make_person(database)
    form = {"grant_type": "password", "username": person.name, "password": PASSWORD}
    member = bearer((await nobody.post("/v1/auth/token", data=form)).json()["access_token"])
    assert (await nobody.get("/v1/oidc-providers", headers=member)).status_code == 403
    assert (await nobody.post("/v1/oidc-providers", json=body(sim), headers=member)).status_code == 403


async def test_nobody_lets_in_members_who_may_do_or_use_more_than_they(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim
) -> None:
    keys = [
        await api.post("/v1/keys", json={"name": "narrow", "permissions": ["users.read", "users.write"]}),
        await api.post("/v1/keys", json={"name": "narrow", "grants": {"model": ["gpt-*"]}}),
    ]
    wanted = body(sim, issuer="https://issuer.invalid", allow_private=False)
    for narrow in [bearer(key.json()["secret"]) for key in keys]:
        assert (await nobody.post("/v1/oidc-providers", json=wanted, headers=narrow)).status_code == 403
        closed = body(sim, issuer="https://issuer.invalid", allow_private=False, creates_users=False)
        assert (await nobody.post("/v1/oidc-providers", json=closed, headers=narrow)).status_code == 201
        path = f"/v1/oidc-providers/{closed['id']}"
        opened = await nobody.put(path, json={**closed, "creates_users": True}, headers=narrow)
        assert opened.status_code == 403


async def test_list_has_pages(api: httpx.AsyncClient, sim: Sim) -> None:
    made = sorted([await added(api, sim) for _ in range(3)])
    seen: list[str] = []
    after: str | None = None
    while True:
        page = (await api.get("/v1/oidc-providers", params={"limit": 2, **({"after": after} if after else {})})).json()
        seen += [each["id"] for each in page["providers"]]
        after = page["after"]
        if after is None:
            break
    assert seen == sorted(seen)
    assert set(made) <= set(seen)
