"""Tokens are renewed in time, by one of those who need them."""

import asyncio
from datetime import timedelta

import pytest

from domain.errors import ToolAnswerInvalid, ToolAuthNeeded, ToolUnavailable
from domain.tool_server import AuthorizationCode
from services.storage.database import Database
from services.tools.oauth import ToolAuth
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
    while sim.count("turned away", "with a token") == 0:
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
    sim.behave(challenge="insufficient_scope")
    with pytest.raises(ToolAuthNeeded, match="more rights"):
        await ask(sim, auth)
    sim.behave(challenge="forbidden")
    assert (await ask(sim, auth)).status_code == 403


async def test_what_was_forgotten_is_gone(sim: Sim, tool_auth: ToolAuth, person: Person) -> None:
    await person.sign_in(tool_auth)
    await tool_auth.forget(sim.server(BY_CODE), "ann")
    with pytest.raises(ToolAuthNeeded):
        await ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))
