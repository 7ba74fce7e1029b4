"""Tokens are renewed in time, by one of those who need them."""

import asyncio
import sys
from datetime import timedelta

import httpx2
import pytest

from domain.errors import ToolAnswerInvalid, ToolAuthNeeded, ToolUnavailable, Unavailable
from domain.tool_server import AuthorizationCode
from services.storage.database import Database
from services.storage.statements import Statements
from services.tools.sign_in import renewal, tokens
from services.tools.sign_in.oauth import ToolAuth
from services.tools.sign_in.tokens import Holder, Stored
from services.vault.vault import Vault
from tests.tools.oauth.parts import BY_CODE, Clock, Person, ask
from tests.tools.oauth.served import REDIRECT_URI, Sim


async def test_a_token_is_renewed_ahead_of_its_end(sim: Sim, tool_auth: ToolAuth, person: Person, clock: Clock) -> None:
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    clock.moved = timedelta(seconds=3600 - 61)
    await ask(sim, auth)
    assert sim.count("granted", "refresh_token") == 0
    clock.moved = timedelta(seconds=3600 - 59)
    assert (await ask(sim, auth)).status_code == 200
    assert (sim.count("granted", "refresh_token"), sim.count("turned away", "with a token")) == (1, 0)


async def test_a_token_that_is_not_accepted_is_renewed_once_and_the_request_repeated(
    sim: Sim, tool_auth: ToolAuth, person: Person
) -> None:
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    sim.expire()
    assert (await ask(sim, auth)).status_code == 200
    assert (sim.count("granted", "refresh_token"), sim.count("turned away", "with a token")) == (1, 1)


async def test_another_process_renews_without_having_seen_the_sign_in(
    sim: Sim, tool_auth: ToolAuth, person: Person, db: Database, vault: Vault
) -> None:
    """The token endpoint is not where one would guess; what discovery found is stored with the tokens."""
    await person.sign_in(tool_auth)
    sim.expire()
    restarted = ToolAuth(db, vault, redirect_uri=REDIRECT_URI)
    assert (await ask(sim, restarted.for_server(sim.server(BY_CODE), "ann"))).status_code == 200


async def test_of_many_who_need_a_renewal_at_once_one_renews(
    sim: Sim, tool_auth: ToolAuth, person: Person, database_url: str, vault: Vault
) -> None:
    """Refresh tokens rotate here: two renewals with the same one would end the sign-in."""
    await person.sign_in(tool_auth)
    sim.behave(delay_s=0.3)
    sim.expire()
    pools = [Database(database_url) for _ in range(4)]
    processes = [ToolAuth(pool, vault, redirect_uri=REDIRECT_URI) for pool in pools]
    auths = [process.for_server(sim.server(BY_CODE), "ann") for process in processes for _ in range(3)]
    answers = await asyncio.gather(*(ask(sim, auth) for auth in auths))
    assert {answer.status_code for answer in answers} == {200}
    assert (sim.count("granted", "refresh_token"), sim.count("reused")) == (1, 0)
    await asyncio.gather(*(pool.close() for pool in pools))


async def test_a_renewal_outlives_the_request_that_asked_for_it(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    await person.sign_in(tool_auth)
    sim.behave(delay_s=0.5)
    sim.expire()
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    asking = asyncio.create_task(ask(sim, auth))
    while sim.count("asked", "refresh_token") == 0:
        await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await ask(sim, auth)).status_code == 200
    assert (sim.count("granted", "refresh_token"), sim.count("reused")) == (1, 0)


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_an_authorization_server_in_trouble_does_not_end_the_sign_in(
    sim: Sim, tool_auth: ToolAuth, person: Person, status: int
) -> None:
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    sim.expire()
    sim.behave(failure=status)
    with pytest.raises(ToolUnavailable):
        await ask(sim, auth)
    sim.behave()
    assert (await ask(sim, auth)).status_code == 200


async def test_a_token_that_is_still_good_is_used_while_it_cannot_be_renewed(
    sim: Sim, tool_auth: ToolAuth, person: Person, clock: Clock
) -> None:
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    sim.behave(failure=503)
    clock.moved = timedelta(seconds=3600 - 30)
    for _ in range(3):
        assert (await ask(sim, auth)).status_code == 200
    assert sim.count("asked", "refresh_token") == 1
    clock.moved = timedelta(seconds=3600 - 15)
    assert (await ask(sim, auth)).status_code == 200
    assert sim.count("asked", "refresh_token") == 2
    clock.moved = timedelta(seconds=3601)
    with pytest.raises(ToolUnavailable):
        await ask(sim, auth)


async def test_a_withdrawn_sign_in_asks_for_a_person_and_not_the_server_again(
    sim: Sim, tool_auth: ToolAuth, person: Person, db: Database
) -> None:
    await person.sign_in(tool_auth)
    sim.revoke()
    for _ in range(2):
        with pytest.raises(ToolAuthNeeded):
            await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))
    assert sim.count("asked", "refresh_token") == 1
    assert await db.fetch("SELECT 1 FROM tool_token") == []
    await person.sign_in(tool_auth)
    assert (await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))).status_code == 200


async def test_a_refusal_that_says_nothing_of_the_tokens_keeps_them(
    sim: Sim, tool_auth: ToolAuth, person: Person, db: Database
) -> None:
    await person.sign_in(tool_auth)
    sim.expire()
    sim.behave(failure=403, failure_body="<html>go away</html>")
    with pytest.raises(ToolAuthNeeded, match="HTTP 403"):
        await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))
    assert len(await db.fetch("SELECT 1 FROM tool_token")) == 1


@pytest.mark.parametrize("body", ["{}", "[]", "nonsense", '{"access_token": 1}', "x" * 300_000])
async def test_an_answer_that_is_no_token_breaks_the_protocol(
    sim: Sim, tool_auth: ToolAuth, person: Person, body: str
) -> None:
    await person.sign_in(tool_auth)
    sim.expire()
    sim.behave(failure=200, failure_body=body)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    with pytest.raises(ToolAnswerInvalid):
        await ask(sim, auth)
    sim.behave()
    assert (await ask(sim, auth)).status_code == 200


async def test_without_a_refresh_token_a_person_is_needed(
    sim: Sim, tool_auth: ToolAuth, person: Person, clock: Clock
) -> None:
    sim.behave(refresh_tokens=False)
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    assert (await ask(sim, auth)).status_code == 200
    clock.moved = timedelta(hours=1)
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, auth)


async def test_a_refresh_token_that_does_not_rotate_is_kept(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    sim.behave(rotate=False, expires_in=None)
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    for _ in range(2):
        sim.expire()
        assert (await ask(sim, auth)).status_code == 200


async def test_a_token_is_never_sent_to_another_address_than_the_one_it_was_got_for(
    sim: Sim, tool_auth: ToolAuth, person: Person
) -> None:
    await person.sign_in(tool_auth)
    moved = sim.server(BY_CODE, url=sim.url.replace("127.0.0.1", "localhost"))
    other_client = sim.server(AuthorizationCode(client_id="another"))
    for server in (moved, other_client):
        with pytest.raises(ToolAuthNeeded):
            await ask(sim.at(server), tool_auth.for_server(server, "ann"))
    assert sim.count("let in") == 0


async def test_a_server_that_wants_more_rights_wants_a_person(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    sim.behave(challenge="insufficient_scope", challenge_scope="files:write")
    with pytest.raises(ToolAuthNeeded, match="more rights"):
        await ask(sim, auth)
    await person.sign_in(tool_auth)
    assert sim.count("authorized", "tools:use files:write") == 1
    sim.behave(challenge="forbidden")
    assert (await ask(sim, auth)).status_code == 403


async def test_what_was_forgotten_is_gone(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    await person.sign_in(tool_auth)
    await tool_auth.forget(sim.server(BY_CODE), "ann")
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))


async def test_requests_run_side_by_side(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    """A slow answer to one does not keep the next from being sent."""
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    assert auth is not None
    flows = [auth.async_auth_flow(httpx2.Request("POST", sim.url)) for _ in range(3)]
    async with asyncio.timeout(5):
        sent = [await anext(flow) for flow in flows]
    assert len({request.headers["Authorization"] for request in sent}) == 1
    for flow in flows:
        await flow.aclose()


async def test_tokens_whose_commit_failed_are_stored_again(
    sim: Sim, tool_auth: ToolAuth, person: Person, db: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away between the renewal and the commit; the old refresh token is worthless by then."""
    await person.sign_in(tool_auth)
    sim.expire()
    store, lost = tokens.store, [True, True]

    async def store_later(where: Statements, vault: Vault, holder: Holder, stored: Stored) -> None:
        if lost and lost.pop():
            raise Unavailable("the database does not answer")
        await store(where, vault, holder, stored)

    monkeypatch.setattr(tokens, "store", store_later)
    assert (await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))).status_code == 200
    sim.expire()
    restarted = ToolAuth(db, vault, redirect_uri=REDIRECT_URI)
    assert (await ask(sim, restarted.for_server(sim.server(BY_CODE), "ann"))).status_code == 200
    assert (sim.count("granted", "refresh_token"), sim.count("reused")) == (2, 0)


async def test_a_lock_that_is_held_too_long_makes_the_server_unavailable(
    sim: Sim, tool_auth: ToolAuth, person: Person, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await person.sign_in(tool_auth)
    sim.expire()
    monkeypatch.setattr(renewal, "WAIT_LIMIT_S", 0.5)
    other = Database(database_url)
    async with tokens.locked(other, Holder("guarded", "ann")):
        with pytest.raises(ToolUnavailable):
            await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))
        with pytest.raises(ToolUnavailable):
            await person.sign_in(tool_auth)
    await other.close()


async def test_two_processes_renew_once(sim: Sim, tool_auth: ToolAuth, person: Person, database_url: str) -> None:
    await person.sign_in(tool_auth)
    sim.behave(delay_s=1.0)
    sim.expire()
    command = [sys.executable, "-m", "tests.tools.oauth.asking", database_url, sim.url]
    processes = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(2)]
    told = [(await process.communicate())[0] for process in processes]
    assert told == [b"200\n", b"200\n"]
    assert (sim.count("granted", "refresh_token"), sim.count("reused")) == (1, 0)


async def test_closing_waits_for_a_renewal_under_way(
    sim: Sim, tool_auth: ToolAuth, person: Person, db: Database, vault: Vault
) -> None:
    await person.sign_in(tool_auth)
    before = await tokens.load(db, vault, Holder("guarded", "ann"))
    sim.behave(delay_s=0.5)
    sim.expire()
    asking = asyncio.create_task(ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann")))
    while sim.count("asked", "refresh_token") == 0:
        await asyncio.sleep(0.02)
    asking.cancel()
    await tool_auth.close()
    assert await tokens.load(db, vault, Holder("guarded", "ann")) != before
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_token_does_not_go_to_another_origin(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    sim.forget_log()
    elsewhere = sim.at(sim.server(BY_CODE, url=sim.url.replace("127.0.0.1", "localhost")))
    assert (await ask(elsewhere, auth)).status_code == 401
    assert sim.count("turned away", "without a token") == 1


async def test_tokens_that_cannot_be_opened_count_as_none(
    sim: Sim, db: Database, tool_auth: ToolAuth, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """A lost master key is no dead end: whoever signs in again replaces them."""
    await person.sign_in(tool_auth)
    other_key = ToolAuth(db, Vault({"new": b"n" * 32}, active="new"), redirect_uri=REDIRECT_URI)
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, other_key.for_server(sim.server(BY_CODE), "ann"))
    assert "vault_unknown_key" in caplog.text
    await person.sign_in(other_key)
    assert (await ask(sim, other_key.for_server(sim.server(BY_CODE), "ann"))).status_code == 200


async def test_tokens_that_can_never_be_stored_are_not_used(
    sim: Sim, tool_auth: ToolAuth, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await person.sign_in(tool_auth)
    sim.expire()
    monkeypatch.setattr(renewal, "STORE_AGAIN_S", 0.01)

    async def never(*_: object) -> None:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(tokens, "store", never)
    with pytest.raises(Unavailable):
        await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))
