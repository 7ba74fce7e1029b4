"""Signing keys: made once, changed without anybody being logged out, forgotten when they must be."""

import asyncio

import pytest

from domain.caller_errors import Unauthenticated
from domain.errors import Unavailable
from services.identity.signing_keys import KEPT_S, OVERLAP_S, RELOAD_S, SigningKeys
from services.identity.tokens import Tokens
from services.storage.audit import By
from services.storage.database import Database
from services.storage.driver import Row
from services.vault.vault import KEY_BYTES, Vault

BY = By.itself("tests")


class Counting(Database):
    """A database that counts what it is asked."""

    asked = 0

    async def fetch(self, query: str, *parameters: object) -> list[Row]:
        self.asked += 1
        return await super().fetch(query, *parameters)


class Ticks:
    """A clock for the age of what is known."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def test_processes_that_start_at_once_share_one_key(first_start: Database, vault: Vault) -> None:
    found = await asyncio.gather(*(SigningKeys(first_start, vault).signing() for _ in range(8)))
    assert len({key.kid for key in found}) == 1


async def test_rotation_logs_nobody_out(first_start: Database, vault: Vault) -> None:
    """The old key signs on until all have seen the new one; what it signed stays good until it expires."""
    ticks = Ticks()
    keys = SigningKeys(first_start, vault, ticks)
    tokens, elsewhere = Tokens(keys), Tokens(SigningKeys(first_start, vault, ticks))
    before = await tokens.issue("usr_a", "ses_a")
    await elsewhere.verify(before)
    old = (await keys.signing()).kid
    new = await keys.rotate(BY)
    assert (await keys.signing()).kid == old
    ticks.at += OVERLAP_S + 1
    await _age(first_start, OVERLAP_S + 1)
    assert (await keys.signing()).kid == new
    after = await tokens.issue("usr_a", "ses_a")
    assert (await elsewhere.verify(after)).user_id == "usr_a"
    assert (await elsewhere.verify(before)).user_id == "usr_a"
    assert set(await keys.public()) == {old, new}


async def test_process_that_has_not_looked_yet_knows_a_new_key(first_start: Database, vault: Vault) -> None:
    ticks = Ticks()
    late = SigningKeys(first_start, vault, ticks)
    await late.signing()
    kid = await SigningKeys(first_start, vault).rotate(BY)
    assert await late.verifying(kid) is None
    ticks.at += 1
    assert await late.verifying(kid) is not None


async def test_retired_key_is_forgotten(first_start: Database, vault: Vault) -> None:
    ticks = Ticks()
    keys = SigningKeys(first_start, vault, ticks)
    old = (await keys.signing()).kid
    await keys.rotate(BY)
    assert await keys.verifying(old) is not None
    await _age(first_start, OVERLAP_S + KEPT_S + 1)
    ticks.at += RELOAD_S
    assert await keys.verifying(old) is None
    await keys.rotate(BY)
    rows = await first_start.fetch("SELECT id FROM identity_secret WHERE kind = 'signing'")
    assert old not in {row["id"] for row in rows}


async def test_known_key_retires_without_looking(first_start: Database, vault: Vault) -> None:
    """The database is away; time goes on."""
    ticks = Ticks()
    keys = SigningKeys(first_start, vault, ticks)
    old = (await keys.signing()).kid
    await keys.rotate(BY)
    ticks.at += RELOAD_S - 1
    assert (await keys.signing()).kid == old


async def test_revoked_key_is_void(first_start: Database, vault: Vault) -> None:
    ticks = Ticks()
    keys, elsewhere = SigningKeys(first_start, vault, ticks), SigningKeys(first_start, vault, ticks)
    before = await Tokens(elsewhere).issue("usr_a", "ses_a")
    kid = await keys.rotate(BY, revoke=True)
    assert (await keys.signing()).kid == kid
    with pytest.raises(Unauthenticated):
        await Tokens(keys).verify(before)
    ticks.at += RELOAD_S
    with pytest.raises(Unauthenticated):
        await Tokens(elsewhere).verify(before)


async def test_key_that_signed_for_long_is_changed(first_start: Database, vault: Vault) -> None:
    keys = SigningKeys(first_start, vault)
    old = (await keys.signing()).kid
    await first_start.fetch("UPDATE identity_secret SET created_at = now() - interval '91 days'")
    later = [SigningKeys(first_start, vault) for _ in range(4)]
    assert {(await each.signing()).kid for each in later} == {old}
    assert {len(await each.public()) for each in later} == {2}


async def test_concurrent_rotations_leave_one_that_stays(first_start: Database, vault: Vault) -> None:
    keys = [SigningKeys(first_start, vault) for _ in range(5)]
    await asyncio.gather(*(each.rotate(BY) for each in keys))
    rows = await first_start.fetch("SELECT id FROM identity_secret WHERE kind = 'signing' AND retired_at IS NULL")
    assert len(rows) == 1


async def test_without_the_master_key_nobody_signs(first_start: Database, vault: Vault) -> None:
    await SigningKeys(first_start, vault).signing()
    other = SigningKeys(first_start, Vault({"other": bytes(KEY_BYTES)}, active="other"))
    with pytest.raises(Unavailable):
        await other.signing()


async def test_unknown_kids_ask_the_database_once_a_second(first_start: Database, vault: Vault) -> None:
    counting, ticks = Counting(first_start.dsn), Ticks()
    keys = SigningKeys(counting, vault, ticks)
    await keys.signing()
    counting.asked = 0
    for n in range(200):
        ticks.at += 0.01
        assert await keys.verifying(f"k{n:016x}") is None
    await counting.close()
    assert counting.asked <= 3


async def _age(db: Database, by_s: float) -> None:
    await db.fetch(
        "UPDATE identity_secret SET retired_at = retired_at - make_interval(secs => $1) WHERE kind = 'signing'", by_s
    )
