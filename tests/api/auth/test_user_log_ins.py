"""What admins do to how others log in."""

import httpx
import pytest

from services.storage.database import Database
from tests.api.auth.test_token_endpoint import ask, logged_in
from tests.identity.passworded import PASSWORD, make_person, make_tenant
from tests.keys import bearer

FIRST = "the first password"


async def test_first_password_opens_only_its_change(
    database: Database, api: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    person = await make_person(database, password=None)
    given = await api.put(f"/v1/users/{person.id}/password", json={"password": FIRST})
    assert given.status_code == 204
    answer = await ask(nobody, grant_type="password", username=person.name, password=FIRST)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    own = {"username": person.name, "password": FIRST, "new_password": PASSWORD}
    assert (await nobody.post("/v1/auth/password", json=own)).status_code == 204
    await logged_in(nobody, person)


async def test_new_password_ends_sessions(
    database: Database, api: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    person = await make_person(database)
    token = bearer((await logged_in(nobody, person))["access_token"])
    body = {"password": FIRST, "must_change": False}
    assert (await api.put(f"/v1/users/{person.id}/password", json=body)).status_code == 204
    assert (await nobody.get("/v1/auth/sessions", headers=token)).status_code == 401
    await logged_in(nobody, person, FIRST)


async def test_sessions_are_ended(database: Database, api: httpx.AsyncClient, nobody: httpx.AsyncClient) -> None:
    person = await make_person(database)
    token = bearer((await logged_in(nobody, person))["access_token"])
    assert (await api.delete(f"/v1/users/{person.id}/sessions")).status_code == 204
    assert (await nobody.get("/v1/auth/sessions", headers=token)).status_code == 401
    await logged_in(nobody, person)


async def test_only_people_have_passwords(database: Database, api: httpx.AsyncClient) -> None:
    service = await make_person(database, password=None, kind="service")
    answer = await api.put(f"/v1/users/{service.id}/password", json={"password": FIRST})
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (422, "no_person")


@pytest.mark.parametrize("password", ["short", "x" * 1025, "aaaaaaaaaaaaaaaa"])
async def test_weak_passwords_are_refused(database: Database, api: httpx.AsyncClient, password: str) -> None:
    person = await make_person(database)
    answer = await api.put(f"/v1/users/{person.id}/password", json={"password": password})
    assert (answer.status_code, answer.json()["code"]) == (422, "password_refused")
    assert password not in answer.text


async def test_nobody_touches_whom_they_do_not_see_or_who_may_do_more(
    database: Database, api: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    member, other = await make_person(database), await make_person(database)
    stranger = await make_person(database, tenant=await make_tenant(database))
    await database.fetch("INSERT INTO user_role (user_id, role) VALUES ($1, 'admin')", stranger.id)
    strange = bearer((await logged_in(nobody, stranger))["access_token"])
    weak = bearer((await logged_in(nobody, member))["access_token"])
    for path, send in ((f"/v1/users/{other.id}/password", "PUT"), (f"/v1/users/{other.id}/sessions", "DELETE")):
        body = {"password": FIRST} if send == "PUT" else None
        assert (await nobody.request(send, path, json=body, headers=weak)).status_code == 403
        assert (await nobody.request(send, path, json=body, headers=strange)).status_code == 404
    await logged_in(nobody, other)
    for user_id in (other.id, "usr_" + "0" * 32):
        answer = await nobody.put(f"/v1/users/{user_id}/password", json={"password": "weak"}, headers=strange)
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such user")
    assert (await api.put("/v1/users/usr_none/password", json={"password": FIRST})).status_code == 404
