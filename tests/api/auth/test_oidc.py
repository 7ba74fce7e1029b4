"""Signing in at an OpenID provider, over real HTTP, with everything that a provider or a stranger may get wrong."""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from api.parts import Parts
from domain.caller_errors import Unauthenticated
from services.identity.doors import Doors
from services.storage.database import Database
from services.storage.event_reader import EventReader
from tests.api.auth.provider import PUBLIC_CLIENT, Sim, added, left, signed_in
from tests.api.served import serving
from tests.identity.passworded import make_person, make_tenant
from tests.keys import bearer


def ada(sim: Sim, **claims: Any) -> None:
    sim.behave(person={"sub": "ada", **claims})


async def owner_of(nobody: httpx.AsyncClient, doors: Doors, answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert (await nobody.get("/v1/requests", headers=bearer(answer.json()["access_token"]))).status_code == 200
    return (await doors.tokens.verify(answer.json()["access_token"])).user_id


def refused(answer: httpx.Response, reason: str) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] == "sign_in_failed"
    assert f"({reason})" in answer.json()["detail"]


async def test_first_sign_in_makes_a_member_and_the_next_finds_them(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, doors: Doors, database: Database
) -> None:
    provider = await added(api, sim)
    ada(sim, name="Ada Lovelace", email="ada@example.org", email_verified=True)
    first = await owner_of(nobody, doors, await signed_in(nobody, sim, provider))
    assert await owner_of(nobody, doors, await signed_in(nobody, sim, provider)) == first
    (user,) = await database.fetch("SELECT * FROM app_user WHERE id = $1", first)
    assert (user["tenant"], user["kind"], user["managed_by"]) == ("default", "person", provider)
    assert (user["display_name"], user["email"]) == ("Ada Lovelace", "ada@example.org")
    roles = await database.fetch("SELECT role FROM user_role WHERE user_id = $1", first)
    assert [row["role"] for row in roles] == ["member"]
    (session,) = await database.fetch("SELECT DISTINCT method FROM user_session WHERE user_id = $1", first)
    assert session["method"] == f"oidc:{provider}"


async def test_what_the_browser_carries_is_what_oidc_wants(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim
) -> None:
    provider = await added(api, sim)
    answer = await nobody.get(f"/v1/auth/oidc/{provider}/login", follow_redirects=False)
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["openid profile email"]
    assert query["redirect_uri"] == [f"{nobody.base_url}/v1/auth/oidc/{provider}/callback".replace("//v1", "/v1")]
    assert all(len(query[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert f"path=/v1/auth/oidc/{provider}" in cookie
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("client_auth", ["client_secret_basic", "client_secret_post", "none"])
async def test_each_algorithm_and_each_way_to_show_who_we_are(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, doors: Doors, algorithm: str, client_auth: str
) -> None:
    public = {"client_id": PUBLIC_CLIENT, "client_secret": None} if client_auth == "none" else {}
    provider = await added(api, sim, client_auth=client_auth, **public)
    sim.behave(algorithm=algorithm)
    assert await owner_of(nobody, doors, await signed_in(nobody, sim, provider))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("wrong_nonce", "wrong_nonce"),
        ("no_nonce", "wrong_nonce"),
        ("wrong_audience", "wrong_audience"),
        ("more_audiences", "wrong_audience"),
        ("wrong_issuer", "other_issuer"),
        ("expired", "wrong_time"),
        ("from_the_future", "wrong_time"),
        ("no_expiry", "bad_id_token"),
        ("no_subject", "bad_id_token"),
        ("unsigned", "bad_id_token"),
        ("shared_secret", "bad_id_token"),
        ("other_key", "wrong_signature"),
        ("key_in_header", "wrong_signature"),
        ("no_id_token", "bad_id_token"),
        ("not_a_token", "bad_id_token"),
    ],
)
async def test_wrong_id_token_lets_nobody_in(
    api: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    sim: Sim,
    database: Database,
    fault: str,
    reason: str,
) -> None:
    provider = await added(api, sim)
    sim.behave(fault=fault)
    refused(await signed_in(nobody, sim, provider), reason)
    assert not await database.fetch("SELECT FROM oidc_identity WHERE provider_id = $1", provider)
    noted = await database.fetch(
        "SELECT details FROM audit_entry WHERE action = 'login.refused' AND object_id = $1", provider
    )
    assert [row["details"]["reason"] for row in noted] == [reason]


@pytest.mark.parametrize(
    ("subject", "status"),
    [(1, 401), ("", 401), ("x" * 256, 401), ("a\x00b", 401), (["ada"], 401), (None, 401), ("ü", 401), ("x" * 255, 200)],
)
async def test_subject_is_a_short_plain_text(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, subject: Any, status: int
) -> None:
    provider = await added(api, sim)
    sim.behave(person={"sub": subject})
    assert (await signed_in(nobody, sim, provider)).status_code == status


async def test_clock_of_a_provider_may_be_half_a_minute_ahead(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim
) -> None:
    provider = await added(api, sim)
    sim.behave(leeway_s=25)
    assert (await signed_in(nobody, sim, provider)).status_code == 200
    sim.behave(leeway_s=60)
    refused(await signed_in(nobody, sim, provider), "wrong_time")


async def test_state_is_good_once(api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim) -> None:
    provider = await added(api, sim)
    back = sim.approve(await left(nobody, provider))
    cookies = dict(nobody.cookies)
    assert (await nobody.get(back)).status_code == 200
    refused(await nobody.get(back, headers=_cookie(cookies)), "unknown_state")


async def test_states_that_somebody_made_up_do_not_fill_the_audit(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, database: Database
) -> None:
    provider = await added(api, sim)
    for _ in range(5):
        refused(await nobody.get(f"/v1/auth/oidc/{provider}/callback?state=mine&code=x"), "unknown_state")
    noted = await database.fetch("SELECT action FROM audit_entry WHERE object_id = $1", provider)
    assert [row["action"] for row in noted] == ["oidc_provider.create"]


async def test_a_sign_in_ends_with_its_provider_though_another_gets_its_id(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim
) -> None:
    """The code that a browser comes back with is the old provider's, and is not to be shown to the new one."""
    provider = await added(api, sim)
    back = sim.approve(await left(nobody, provider))
    assert (await api.delete(f"/v1/oidc-providers/{provider}")).status_code == 204
    await added(api, sim, id=provider)
    refused(await nobody.get(back), "unknown_state")


async def test_concurrent_returns_let_one_in(api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim) -> None:
    provider = await added(api, sim)
    back = sim.approve(await left(nobody, provider))
    headers = _cookie(dict(nobody.cookies))
    answers = await asyncio.gather(*(nobody.get(back, headers=headers) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401, 401]


async def test_another_browser_cannot_finish_a_sign_in(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim
) -> None:
    """Whoever is made to follow a link is not signed in as the one who sent it; and the state is used up by it."""
    provider = await added(api, sim)
    back = sim.approve(await left(nobody, provider))
    refused(await api.get(back), "other_browser")
    refused(await nobody.get(back), "unknown_state")


async def test_state_belongs_to_its_provider(api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim) -> None:
    one, other = await added(api, sim), await added(api, sim)
    back = sim.approve(await left(nobody, one))
    headers = _cookie(dict(nobody.cookies))
    refused(await nobody.get(back.replace(one, other), headers=headers), "unknown_state")


async def test_state_is_over_after_ten_minutes(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, database: Database
) -> None:
    provider = await added(api, sim)
    back = sim.approve(await left(nobody, provider))
    await database.fetch("UPDATE oidc_state SET expires_at = now() WHERE provider_id = $1", provider)
    refused(await nobody.get(back), "unknown_state")
    await left(nobody, provider)
    rows = await database.fetch("SELECT expires_at > now() AS fresh FROM oidc_state WHERE provider_id = $1", provider)
    assert [row["fresh"] for row in rows] == [True]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"state": "another"}, 401),
        ({"state": "\x00"}, 401),
        ({"state": "x" * 2000}, 422),
        ({"state": None}, 422),
        ({"code": "another"}, 401),
        ({"code": None}, 401),
        ({"code": "x" * 10_000}, 422),
        ({"code": "\x00"}, 401),
        ({"iss": "https://issuer.invalid"}, 401),
        ({"iss": None}, 401),
        ({"error": "access_denied"}, 401),
        ({"session_state": "more"}, 200),
    ],
)
async def test_changed_return_is_refused(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, changed: dict[str, str | None], status: int
) -> None:
    provider = await added(api, sim)
    url = urlsplit(sim.approve(await left(nobody, provider)))
    query = {name: values[0] for name, values in parse_qs(url.query).items()} | changed
    back = urlunsplit(
        url._replace(query=urlencode({name: value for name, value in query.items() if value is not None}))
    )
    assert (await nobody.get(back)).status_code == status


async def test_person_who_says_no_is_not_signed_in(api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim) -> None:
    provider = await added(api, sim)
    sim.behave(deny=True)
    refused(await signed_in(nobody, sim, provider), "denied")


async def test_new_keys_of_a_provider_are_asked_for(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most each few seconds: strangers' kids make no storm."""
    provider = await added(api, sim)
    assert (await signed_in(nobody, sim, provider)).status_code == 200
    sim.renew_keys()
    sim.forget_log()
    refused(await signed_in(nobody, sim, provider), "unknown_key")
    assert "keys" not in sim.log()
    monkeypatch.setattr("services.identity.oidc.known.PAUSE_S", 0.0)
    assert (await signed_in(nobody, sim, provider)).status_code == 200
    assert sim.log().count("keys") == 1


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        ({"metadata_failure": 500}, 503, None),
        ({"metadata_failure": 404}, 401, "bad_metadata"),
        ({"metadata": {"issuer": "https://issuer.invalid"}}, 401, "other_issuer"),
        ({"metadata": {"token_endpoint": None}}, 401, "bad_metadata"),
        ({"metadata": {"token_endpoint": "file:///etc/passwd"}}, 401, "bad_metadata"),
        ({"metadata": {"jwks_uri": "https://user:password@keys.invalid/"}}, 401, "bad_metadata"),
        ({"metadata": {"authorization_endpoint": "javascript:alert(1)"}}, 401, "bad_metadata"),
        ({"metadata": {"authorization_endpoint": "https://a.invalid/\r\nSet-Cookie: a=b"}}, 401, "bad_metadata"),
        ({"redirect": "http://169.254.169.254/latest/meta-data"}, 401, "bad_metadata"),
        ({"padding": 300_000}, 401, "bad_answer"),
    ],
)
async def test_wrong_metadata_sends_nobody_anywhere(
    api: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    sim: Sim,
    behaviour: dict[str, Any],
    status: int,
    reason: str | None,
) -> None:
    provider = await added(api, sim)
    sim.behave(**behaviour)
    answer = await nobody.get(f"/v1/auth/oidc/{provider}/login", follow_redirects=False)
    assert answer.status_code == status
    assert reason is None or f"({reason})" in answer.json()["detail"]
    sim.forget_log()
    again = await nobody.get(f"/v1/auth/oidc/{provider}/login", follow_redirects=False)
    assert again.status_code == status
    assert sim.log() == []


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"),
    [
        ({"token_failure": 500}, 503, None),
        ({"token_failure": 400}, 401, "code_refused"),
        ({"keys_failure": 503}, 503, None),
        ({"keys_failure": 404}, 401, "bad_metadata"),
        ({"padding": 300_000}, 401, "bad_answer"),
        ({"redirect": "http://127.0.0.1:1/"}, 401, "code_refused"),
    ],
)
async def test_provider_that_fails_at_the_end_lets_nobody_in(
    api: httpx.AsyncClient,
    nobody: httpx.AsyncClient,
    sim: Sim,
    behaviour: dict[str, Any],
    status: int,
    reason: str | None,
) -> None:
    provider = await added(api, sim)
    back = sim.approve(await left(nobody, provider))
    sim.behave(**behaviour)
    answer = await nobody.get(back)
    assert answer.status_code == status
    assert reason is None or f"({reason})" in answer.json()["detail"]


async def test_provider_that_is_slow_is_given_up(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.identity.oidc.wire.TIMEOUT_S", 0.3)
    provider = await added(api, sim)
    sim.behave(delay_s=3)
    answer = await signed_in(nobody, sim, provider)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_endpoints_in_private_networks_are_refused_unless_allowed(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim
) -> None:
    """The issuer is public by its spelling; where its name leads is judged when it is asked."""
    provider = await added(api, sim, issuer="https://localhost:1", allow_private=False)
    answer = await nobody.get(f"/v1/auth/oidc/{provider}/login", follow_redirects=False)
    refused(answer, "address_refused")
    metadata = await added(api, sim, issuer="http://169.254.169.254")
    refused(await nobody.get(f"/v1/auth/oidc/{metadata}/login", follow_redirects=False), "address_refused")


async def test_unknown_people_come_in_only_where_they_may(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim
) -> None:
    provider = await added(api, sim, creates_users=False)
    refused(await signed_in(nobody, sim, provider), "unknown_user")


async def test_mail_and_name_link_nobody(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, doors: Doors, database: Database
) -> None:
    """Whoever says to be somebody's address is somebody new, under a name of their own."""
    victim = await make_person(database)
    await database.fetch("UPDATE app_user SET email = 'v@example.org' WHERE id = $1", victim.id)
    provider = await added(api, sim)
    ada(sim, email="v@example.org", email_verified=True, preferred_username=victim.name)
    made = await owner_of(nobody, doors, await signed_in(nobody, sim, provider))
    assert made != victim.id
    (row,) = await database.fetch("SELECT name FROM app_user WHERE id = $1", made)
    assert row["name"].startswith(f"{provider}.")


async def test_claims_that_cannot_be_shown_are_left_out(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, doors: Doors, database: Database
) -> None:
    provider = await added(api, sim)
    ada(sim, name="a\x00b\u202e", email="unverified@example.org", preferred_username=["x"])
    made = await owner_of(nobody, doors, await signed_in(nobody, sim, provider))
    (row,) = await database.fetch("SELECT display_name, email FROM app_user WHERE id = $1", made)
    assert (row["display_name"], row["email"]) == (None, None)


async def test_same_subject_of_another_provider_is_another_person(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, doors: Doors
) -> None:
    one, other = await added(api, sim), await added(api, sim)
    first = await owner_of(nobody, doors, await signed_in(nobody, sim, one))
    assert await owner_of(nobody, doors, await signed_in(nobody, sim, other)) != first


async def test_concurrent_first_sign_ins_make_one_user(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, doors: Doors
) -> None:
    provider = await added(api, sim)
    backs: list[tuple[str, dict[str, str]]] = []
    for _ in range(4):
        back = sim.approve(await left(nobody, provider))
        backs.append((back, _cookie(dict(nobody.cookies))))
        nobody.cookies.clear()
    answers = await asyncio.gather(*(nobody.get(back, headers=headers) for back, headers in backs))
    assert len({await owner_of(nobody, doors, answer) for answer in answers}) == 1


async def test_disabled_user_and_disabled_provider_let_nobody_in(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, doors: Doors, database: Database
) -> None:
    provider = await added(api, sim)
    answer = await signed_in(nobody, sim, provider)
    user = await owner_of(nobody, doors, answer)
    await database.fetch("UPDATE app_user SET disabled_at = now() WHERE id = $1", user)
    refused(await signed_in(nobody, sim, provider), "disabled")
    await database.fetch("UPDATE app_user SET disabled_at = NULL WHERE id = $1", user)
    back = sim.approve(await left(nobody, provider))
    again = await signed_in(nobody, sim, provider)
    off = await api.patch(f"/v1/oidc-providers/{provider}", json={"disabled": True})
    assert off.json()["disabled"]
    assert (await nobody.get(back)).status_code == 404
    assert (await nobody.get(f"/v1/auth/oidc/{provider}/login")).status_code == 404
    with pytest.raises(Unauthenticated):
        await doors.log_ins.session_of(again.json()["access_token"])


@pytest.mark.parametrize("provider", ["unknown", "Upper", "%00", "a" * 200, "' OR 1=1"])
async def test_unknown_provider_is_not_found(nobody: httpx.AsyncClient, provider: str) -> None:
    answer = await nobody.get(f"/v1/auth/oidc/{provider}/login")
    assert answer.status_code in {404, 422}
    answer = await nobody.get(f"/v1/auth/oidc/{provider}/callback?state=x&code=y")
    assert answer.status_code in {404, 422}


async def test_configured_redirect_uri_is_used(api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim) -> None:
    there = "https://longhaul.example.org/api/v1/auth/oidc/x/callback"
    provider = await added(api, sim, redirect_uri=there)
    answer = await nobody.get(f"/v1/auth/oidc/{provider}/login", follow_redirects=False)
    assert parse_qs(urlsplit(answer.headers["location"]).query)["redirect_uri"] == [there]
    assert "Secure" in answer.headers["set-cookie"]
    assert "Path=/api/v1/auth/oidc/x;" in answer.headers["set-cookie"]


async def test_user_of_another_tenant_is_not_let_in(
    api: httpx.AsyncClient, nobody: httpx.AsyncClient, sim: Sim, database: Database
) -> None:
    provider = await added(api, sim)
    stranger = await make_person(database, tenant=await make_tenant(database))
    await database.fetch(
        "INSERT INTO oidc_identity (provider_id, subject, user_id) VALUES ($1, 'ada', $2)", provider, stranger.id
    )
    refused(await signed_in(nobody, sim, provider), "disabled")


def _cookie(cookies: dict[str, str]) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


async def test_the_public_address_is_where_browsers_come_back_to(
    api: httpx.AsyncClient, idle_parts: Parts, doors: Doors, database: Database, sim: Sim
) -> None:
    provider = await added(api, sim)
    deployment = replace(idle_parts.deployment, public_url="https://longhaul.example.com/ai")
    parts = replace(idle_parts, reader=EventReader(database), doors=doors, deployment=deployment)
    async with serving(parts) as behind:
        answer = await behind.get(f"/v1/auth/oidc/{provider}/login", follow_redirects=False)
    back = f"https://longhaul.example.com/ai/v1/auth/oidc/{provider}/callback"
    assert parse_qs(urlsplit(answer.headers["location"]).query)["redirect_uri"] == [back]
    cookie = answer.headers["set-cookie"].lower()
    assert "secure" in cookie
    assert f"path=/ai/v1/auth/oidc/{provider}" in cookie
