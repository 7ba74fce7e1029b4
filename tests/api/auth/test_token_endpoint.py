"""The token endpoint and its neighbours over HTTP: OAuth's shapes, and never a 5xx for what strangers send."""

from typing import Any

import httpx
import jwt
import pytest

from services.storage.database import Database
from tests.identity.passworded import PASSWORD, Person, make_person
from tests.keys import bearer

FORM = "application/x-www-form-urlencoded"


async def ask(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await client.post("/v1/auth/token", data=fields)


async def logged_in(client: httpx.AsyncClient, person: Person, password: str = PASSWORD) -> dict[str, Any]:
    answer = await ask(client, grant_type="password", username=person.name, password=password)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_password_gives_tokens_that_open_the_api(database: Database, nobody: httpx.AsyncClient) -> None:
    person = await make_person(database)
    answer = await ask(nobody, grant_type="password", username=person.name, password=PASSWORD, scope="all", extra="1")
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    assert (await nobody.get("/v1/requests")).status_code == 401
    listed = await nobody.get("/v1/requests", headers=bearer(told["access_token"]))
    assert listed.status_code == 200
    assert listed.json()["requests"] == []


async def test_refresh_goes_on(database: Database, nobody: httpx.AsyncClient) -> None:
    first = await logged_in(nobody, await make_person(database))
    answer = await ask(nobody, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert answer.status_code == 200
    assert answer.json()["session_id"] == first["session_id"]
    assert answer.json()["refresh_token"] != first["refresh_token"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "password", "username": "a"}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "invalid_grant"),
        ({"grant_type": "password", "username": "a", "password": "x" * 5000}, "invalid_grant"),
        ({"grant_type": "password", "username": "a\x00", "password": "b"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "lhr_x"}, "invalid_grant"),
        ({"grant_type": ["password", "password"]}, "invalid_request"),
        ({f"f{n}": "1" for n in range(50)}, "invalid_request"),
    ],
)
async def test_wrong_forms_are_told_as_oauth_does(nobody: httpx.AsyncClient, form: dict[str, Any], error: str) -> None:
    answer = await nobody.post("/v1/auth/token", data=form, headers={"content-type": FORM})
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"grant_type": "password"}', "application/json", 415),
        (b"grant_type=password", "", 415),
        (b"grant_type=%ff%fe", FORM, 400),
        (b"grant_type=\xff", FORM, 400),
        (b"password=" + b"x" * 1_000_000, FORM, 413),
        (b"password=" + b"x" * 20_000, FORM, 413),
    ],
)
async def test_what_is_no_form_is_refused(nobody: httpx.AsyncClient, content: bytes, kind: str, status: int) -> None:
    answer = await nobody.post("/v1/auth/token", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


async def test_waiting_name_is_told_when(database: Database, nobody: httpx.AsyncClient) -> None:
    person = await make_person(database)
    for _ in range(5):
        answer = await ask(nobody, grant_type="password", username=person.name, password="wrong")
        assert answer.status_code == 400
    answer = await ask(nobody, grant_type="password", username=person.name, password=PASSWORD)
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
    assert 1 <= int(answer.headers["retry-after"]) <= 5


async def test_log_out_ends_the_session(database: Database, nobody: httpx.AsyncClient) -> None:
    person = await make_person(database)
    first, second = await logged_in(nobody, person), await logged_in(nobody, person)
    token = bearer(first["access_token"])
    sessions = (await nobody.get("/v1/auth/sessions", headers=token)).json()
    assert sessions["current"] == first["session_id"]
    assert {each["id"] for each in sessions["sessions"]} == {first["session_id"], second["session_id"]}
    assert (await nobody.post("/v1/auth/logout", headers=token)).status_code == 204
    assert (await nobody.post("/v1/auth/logout", headers=token)).status_code == 401
    assert (await nobody.get("/v1/auth/sessions", headers=bearer(second["access_token"]))).status_code == 200
    every = await nobody.post("/v1/auth/logout", headers=bearer(second["access_token"]), json={"everywhere": True})
    assert every.status_code == 204


async def test_session_is_ended_by_its_own_user_only(database: Database, nobody: httpx.AsyncClient) -> None:
    person, other = await make_person(database), await make_person(database)
    mine, older, strange = [await logged_in(nobody, each) for each in (person, person, other)]
    token = bearer(mine["access_token"])
    for session in (strange["session_id"], "ses_none", "%00"):
        assert (await nobody.delete(f"/v1/auth/sessions/{session}", headers=token)).status_code == 404
    assert (await nobody.delete(f"/v1/auth/sessions/{older['session_id']}", headers=token)).status_code == 204


@pytest.mark.parametrize("headers", [{}, bearer(), bearer("a.b.c"), {"authorization": "Basic eDp5"}])
async def test_sessions_want_the_token_of_a_log_in(nobody: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/logout"), ("GET", "/sessions"), ("DELETE", "/sessions/ses_x")):
        answer = await nobody.request(method, f"/v1/auth{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_password_is_changed_by_token_or_by_name(database: Database, nobody: httpx.AsyncClient) -> None:
    person = await make_person(database)
    session = await logged_in(nobody, person)
    changes = {"password": PASSWORD, "new_password": "the second password"}
    answer = await nobody.post("/v1/auth/password", headers=bearer(session["access_token"]), json=changes)
    assert answer.status_code == 204
    assert (await nobody.get("/v1/auth/sessions", headers=bearer(session["access_token"]))).status_code == 200
    named = {"username": person.name, "password": "the second password", "new_password": "the third password"}
    assert (await nobody.post("/v1/auth/password", json=named)).status_code == 204
    assert (await nobody.get("/v1/auth/sessions", headers=bearer(session["access_token"]))).status_code == 401
    await logged_in(nobody, person, "the third password")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"password": "x" * 12, "new_password": "a good password"}, 401, "unauthenticated"),
        ({"username": "nobody", "password": "x" * 12, "new_password": "a good password"}, 401, "wrong_credentials"),
        ({"username": "nobody", "password": "x" * 12, "new_password": "short"}, 422, "password_refused"),
        ({"username": "nobody", "password": "x" * 12}, 422, "invalid_input"),
        ({"username": "nobody", "password": "x" * 12, "new_password": "y" * 5000}, 422, "invalid_input"),
        ({"username": "nobody", "password": 1, "new_password": "a good password"}, 422, "invalid_input"),
        ({"username": "n", "password": "x", "new_password": "a good password", "role": "admin"}, 422, "invalid_input"),
    ],
)
async def test_wrong_password_changes_are_refused(
    nobody: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await nobody.post("/v1/auth/password", json=change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "x" * 12 not in answer.text


async def test_tokens_can_be_verified_by_the_keys_that_are_shown(database: Database, nobody: httpx.AsyncClient) -> None:
    session = await logged_in(nobody, await make_person(database))
    keys = jwt.PyJWKSet.from_dict((await nobody.get("/v1/auth/jwks")).json())
    token = session["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["EdDSA"], audience="urn:longhaul:api", issuer="urn:longhaul")
    assert claims["sid"] == session["session_id"]
    assert "d" not in (await nobody.get("/v1/auth/jwks")).text.split('"')


async def test_keys_are_rotated_by_who_runs_the_installation(
    database: Database, api: httpx.AsyncClient, nobody: httpx.AsyncClient
) -> None:
    session = await logged_in(nobody, await make_person(database))
    token = bearer(session["access_token"])
    assert (await nobody.post("/v1/auth/keys/rotate", headers=token)).status_code == 403
    assert (await nobody.post("/v1/auth/keys/rotate")).status_code == 401
    rotated = await api.post("/v1/auth/keys/rotate")
    assert rotated.status_code == 201
    shown = (await nobody.get("/v1/auth/jwks")).json()["keys"]
    assert shown[0]["kid"] == rotated.json()["kid"]
    assert (await nobody.get("/v1/auth/sessions", headers=token)).status_code == 200
