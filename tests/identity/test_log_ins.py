"""Logging in and out, sessions and their ends, password changes, and what the audit says of it."""

import asyncio

import pytest

from domain.caller_errors import Unauthenticated
from services.identity import password_rows, session_rows
from services.identity.authenticator import Authenticator
from services.identity.doors import Doors
from services.identity.log_ins import GrantRefused, NewPassword
from services.identity.passwords import PasswordRefused, Passwords, password_hasher
from services.identity.session_rows import Client, EndReason
from services.storage.database import Database
from services.vault.vault import Vault
from tests.identity.passworded import HERE, PASSWORD, doors_of, log_in, make_person, make_tenant

WITHIN_S = 5.0


@pytest.fixture
def doors(db: Database, vault: Vault) -> Doors:
    return doors_of(db, vault)


@pytest.fixture
def elsewhere(db: Database, vault: Vault) -> Authenticator:
    """Another process: it shares nothing with the doors but the database."""
    return Authenticator(db, vault)


async def test_password_gives_tokens(db: Database, doors: Doors, elsewhere: Authenticator) -> None:
    person = await make_person(db)
    granted = await log_in(doors, person)
    caller = await elsewhere.caller(granted.access_token, "127.0.0.1")
    assert (caller.owner, caller.tenant, caller.key_id) == (person.id, "default", None)
    assert granted.expires_in == 600
    assert granted.access_token not in repr(granted)
    assert granted.refresh_token not in repr(granted)


async def test_name_is_found_however_it_is_written(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    await doors.log_ins.by_password(person.name.upper(), PASSWORD, HERE)


@pytest.mark.parametrize("name", ["nobody", "", " ", "ad\x00min", "x" * 10_000, "\u202eadmin", "\ud800", "' OR 1=1 --"])
async def test_what_is_no_user_is_refused_like_a_wrong_password(db: Database, doors: Doors, name: str) -> None:
    person = await make_person(db)
    with pytest.raises(GrantRefused) as wrong:
        await log_in(doors, person, "not the password")
    with pytest.raises(GrantRefused) as unknown:
        await doors.log_ins.by_password(name, PASSWORD, HERE)
    assert str(unknown.value) == str(wrong.value)


async def test_who_is_disabled_or_has_no_password_is_refused(db: Database, doors: Doors) -> None:
    for person in (await make_person(db, password=None), await make_person(db, kind="service")):
        with pytest.raises(GrantRefused):
            await log_in(doors, person)
    disabled = await make_person(db)
    await _disable(db, disabled.id)
    with pytest.raises(GrantRefused):
        await log_in(doors, disabled)


async def test_disabled_tenant_lets_nobody_in(db: Database, doors: Doors) -> None:
    tenant = await make_tenant(db)
    person = await make_person(db, tenant=tenant)
    granted = await log_in(doors, person)
    await db.fetch("UPDATE tenant SET disabled_at = now() WHERE id = $1", tenant)
    with pytest.raises(GrantRefused):
        await log_in(doors, person)
    with pytest.raises(GrantRefused):
        await doors.log_ins.by_refresh(granted.refresh_token, HERE)


async def test_log_out_ends_one_session_everywhere(db: Database, doors: Doors, elsewhere: Authenticator) -> None:
    person = await make_person(db)
    left, stays = await log_in(doors, person), await log_in(doors, person)
    await elsewhere.caller(left.access_token, None)
    await doors.log_ins.log_out(await doors.tokens.verify(left.access_token), HERE, everywhere=False)
    await until_refused(elsewhere, left.access_token)
    assert (await elsewhere.caller(stays.access_token, None)).owner == person.id
    with pytest.raises(GrantRefused):
        await doors.log_ins.by_refresh(left.refresh_token, HERE)
    with pytest.raises(Unauthenticated):
        await doors.log_ins.session_of(left.access_token)


async def test_log_out_everywhere_ends_all_sessions(db: Database, doors: Doors, elsewhere: Authenticator) -> None:
    person, other = await make_person(db), await make_person(db)
    sessions = [await log_in(doors, person) for _ in range(3)]
    kept = await log_in(doors, other)
    claims = await doors.tokens.verify(sessions[0].access_token)
    await doors.log_ins.log_out(claims, HERE, everywhere=True)
    for session in sessions:
        await until_refused(elsewhere, session.access_token)
    assert (await elsewhere.caller(kept.access_token, None)).owner == other.id


async def test_disabled_user_is_out_within_seconds(db: Database, doors: Doors, elsewhere: Authenticator) -> None:
    person = await make_person(db)
    granted = await log_in(doors, person)
    await elsewhere.caller(granted.access_token, None)
    await _disable(db, person.id)
    await until_refused(elsewhere, granted.access_token)
    with pytest.raises(GrantRefused):
        await doors.log_ins.by_refresh(granted.refresh_token, HERE)


async def test_password_change_ends_the_other_sessions(db: Database, doors: Doors, elsewhere: Authenticator) -> None:
    person = await make_person(db)
    own, other = await log_in(doors, person), await log_in(doors, person)
    claims = await doors.tokens.verify(own.access_token)
    new = "an entirely new password"
    await doors.log_ins.change_password(claims, NewPassword(PASSWORD, new, own.session_id), HERE)
    await until_refused(elsewhere, other.access_token)
    assert (await elsewhere.caller(own.access_token, None)).owner == person.id
    with pytest.raises(GrantRefused):
        await log_in(doors, person)
    await log_in(doors, person, new)


async def test_password_change_wants_the_old_one(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    with pytest.raises(GrantRefused):
        await doors.log_ins.change_password(person.name, NewPassword("wrong wrong wrong", "a new password 1"), HERE)
    with pytest.raises(PasswordRefused):
        await doors.log_ins.change_password(person.name, NewPassword(PASSWORD, "short"), HERE)
    with pytest.raises(PasswordRefused):
        await doors.log_ins.change_password(person.name, NewPassword(PASSWORD, PASSWORD), HERE)
    await log_in(doors, person)


async def test_password_that_another_set_opens_only_its_change(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    await db.fetch("UPDATE user_password SET must_change = true WHERE user_id = $1", person.id)
    with pytest.raises(GrantRefused, match="must be changed"):
        await log_in(doors, person)
    await doors.log_ins.change_password(person.name, NewPassword(PASSWORD, "a password of my own"), HERE)
    await log_in(doors, person, "a password of my own")


async def test_hash_of_old_parameters_is_renewed(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    old = await Passwords(password_hasher(memory_kib=32, passes=1)).hash(PASSWORD)
    await password_rows.store(db, person.id, old)
    await log_in(doors, person)
    rows = await db.fetch("SELECT hash FROM user_password WHERE user_id = $1", person.id)
    assert rows[0]["hash"] != old
    await log_in(doors, person)


async def test_a_right_password_is_no_failure_when_the_new_one_is_refused(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    spelled = "".join(chr(ord(each) + 0xFEE0) for each in person.name)
    for _ in range(10):
        with pytest.raises(PasswordRefused):
            await doors.log_ins.change_password(spelled, NewPassword(PASSWORD, person.name), HERE)
    await log_in(doors, person)


async def test_sessions_are_listed_and_ended_one_by_one(db: Database, doors: Doors) -> None:
    person, other = await make_person(db), await make_person(db)
    first, second = await log_in(doors, person), await log_in(doors, person)
    strange = await log_in(doors, other)
    claims = await doors.tokens.verify(first.access_token)
    listed = await doors.log_ins.sessions(claims)
    assert {each.id for each in listed} == {first.session_id, second.session_id}
    assert {(each.method, each.address, each.agent) for each in listed} == {("password", "127.0.0.1", "tests")}
    assert not await doors.log_ins.end_one(claims, strange.session_id, HERE)
    assert await doors.log_ins.end_one(claims, second.session_id, HERE)
    assert not await doors.log_ins.end_one(claims, second.session_id, HERE)
    assert [each.id for each in await doors.log_ins.sessions(claims)] == [first.session_id]


async def test_user_has_at_most_a_hundred_sessions(db: Database, doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_rows, "AT_MOST", 3)
    person = await make_person(db)
    sessions = [await log_in(doors, person) for _ in range(5)]
    rows = await db.fetch("SELECT id, end_reason FROM user_session WHERE user_id = $1 ORDER BY id", person.id)
    assert [row["end_reason"] for row in rows] == [EndReason.TOO_MANY, EndReason.TOO_MANY, None, None, None]
    assert [row["id"] for row in rows] == [session.session_id for session in sessions]


async def test_what_is_long_over_is_removed(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    old = await log_in(doors, person)
    await db.fetch("UPDATE user_session SET expires_at = now() - interval '31 days' WHERE id = $1", old.session_id)
    await log_in(doors, person)
    assert not await db.fetch("SELECT FROM user_session WHERE id = $1", old.session_id)
    assert not await db.fetch("SELECT FROM refresh_token WHERE session_id = $1", old.session_id)


async def test_log_ins_are_in_the_audit_and_names_that_were_typed_are_not(db: Database, doors: Doors) -> None:
    person, address = await make_person(db), "203.0.113.77"
    typed = "my secret password in the wrong field"
    with pytest.raises(GrantRefused):
        await doors.log_ins.by_password(typed, PASSWORD, Client(address))
    with pytest.raises(GrantRefused):
        await doors.log_ins.by_password(person.name, "wrong", Client(address))
    granted = await doors.log_ins.by_password(person.name, PASSWORD, Client(address))
    rows = await db.fetch("SELECT * FROM audit_entry WHERE address = $1 ORDER BY id", address)
    assert [(row["action"], row["actor"], row["object_id"]) for row in rows] == [
        ("login.refused", "nobody", "unknown"),
        ("login.refused", "nobody", person.id),
        ("login", person.id, granted.session_id),
    ]
    assert typed not in str([dict(row) for row in rows])


async def test_nothing_that_opens_is_stored(db: Database, doors: Doors) -> None:
    granted = await log_in(doors, await make_person(db))
    stored = await db.fetch("SELECT t::text AS t FROM refresh_token t UNION ALL SELECT s::text FROM user_session s")
    assert granted.refresh_token not in str([row["t"] for row in stored])
    sealed = await db.fetch("SELECT sealed FROM identity_secret WHERE kind = 'signing'")
    private = (await doors.keys.signing()).private.private_bytes_raw()
    assert all(private not in bytes(row["sealed"]) for row in sealed)


async def until_refused(authenticator: Authenticator, token: str) -> None:
    """Ask until a token is refused: within five seconds, in another process too."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                await authenticator.caller(token, None)
            except Unauthenticated:
                return
            await asyncio.sleep(0.05)


async def _disable(db: Database, user_id: str) -> None:
    await db.fetch("UPDATE app_user SET disabled_at = clock_timestamp() WHERE id = $1", user_id)
