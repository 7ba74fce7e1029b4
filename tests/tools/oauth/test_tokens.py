"""Tokens and sign-ins in the database."""

import pytest
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from services.storage.database import Database
from services.tools.sign_in import tokens
from services.tools.sign_in.tokens import Credentials, Holder, SignIn, SignInAnswer, Stored
from services.vault.errors import Damaged, UnknownKey, WrongBinding
from services.vault.vault import Vault

ANN, BOB = Holder("jira", "ann"), Holder("jira", "bob")
STORED = Stored(
    Credentials(
        server_url="https://example.org/mcp",
        tokens=OAuthToken(access_token="hunter2-access", refresh_token="hunter2-refresh", expires_in=60),
        client_info=OAuthClientInformationFull(client_id="us", client_secret="hunter2-secret"),
    ),
    None,
)


async def test_what_is_stored_is_sealed_and_comes_back(db: Database, vault: Vault) -> None:
    assert await tokens.load(db, vault, ANN) is None
    await tokens.store(db, vault, ANN, STORED)
    assert await tokens.load(db, vault, ANN) == STORED
    row = (await db.fetch("SELECT * FROM tool_token"))[0]
    assert "hunter2" not in str(dict(row))
    await tokens.forget(db, ANN)
    assert await tokens.load(db, vault, ANN) is None


async def test_somebody_elses_row_cannot_be_put_in_place_of_ones_own(db: Database, vault: Vault) -> None:
    await tokens.store(db, vault, ANN, STORED)
    await db.fetch("UPDATE tool_token SET owner = 'bob'")
    with pytest.raises(WrongBinding):
        await tokens.load(db, vault, BOB)


async def test_tokens_of_another_build_are_damaged_and_not_quoted(db: Database, vault: Vault) -> None:
    sealed = vault.seal(b'{"tokens": "hunter2"}', bound_to=ANN.bound_to)
    await db.fetch("INSERT INTO tool_token (server, owner, sealed) VALUES ('jira', 'ann', $1)", sealed)
    with pytest.raises(Damaged) as caught:
        await tokens.load(db, vault, ANN)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_rotating_the_master_key_rewraps_what_is_stored(db: Database, vault: Vault) -> None:
    await tokens.store(db, vault, ANN, STORED)
    await tokens.store(db, vault, BOB, STORED)
    both = Vault({"next": b"n" * 32, "test": b"v" * 32}, active="next")
    assert [await tokens.rewrap(db, both), await tokens.rewrap(db, both)] == [2, 0]
    assert await tokens.load(db, Vault({"next": b"n" * 32}, active="next"), BOB) == STORED
    with pytest.raises(UnknownKey):
        await tokens.load(db, vault, ANN)


async def test_the_lock_is_for_one_holder(db: Database, database_url: str) -> None:
    other = Database(database_url)
    async with tokens.locked(db, ANN), tokens.locked(other, BOB) as tx:
        taken = await tx.fetch("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS taken", ANN.bound_to)
        assert not taken[0]["taken"]
    async with tokens.locked(other, ANN):
        pass
    await other.close()


async def test_a_code_is_taken_once_and_only_from_its_own_sign_in(db: Database, vault: Vault) -> None:
    await tokens.begin_sign_in(db, SignIn("s1", ANN, "https://as.test/?state=s1"), 60)
    await tokens.begin_sign_in(db, SignIn("s2", ANN, "https://as.test/?state=s2"), 60)
    assert await tokens.take_code(db, vault, "s1") is None
    answer = SignInAnswer(code="hunter2", state="s1")
    assert await tokens.put_code(db, vault, answer)
    assert not await tokens.put_code(db, vault, answer)
    assert not await tokens.put_code(db, vault, SignInAnswer(code="hunter2", state="unknown"))
    pending = await tokens.pending(db, ANN)
    assert pending is not None
    assert pending.state == "s2"
    assert await tokens.take_code(db, vault, "s2") is None
    assert await tokens.take_code(db, vault, "s1") == answer
    assert await tokens.take_code(db, vault, "s1") is None


async def test_a_code_moved_to_another_sign_in_does_not_open(db: Database, vault: Vault) -> None:
    for state in ("s1", "s2"):
        await tokens.begin_sign_in(db, SignIn(state, ANN, "https://as.test/"), 60)
    await tokens.put_code(db, vault, SignInAnswer(code="hunter2", state="s1"))
    await db.fetch("UPDATE tool_sign_in SET code = (SELECT code FROM tool_sign_in WHERE state = 's1')")
    with pytest.raises(WrongBinding):
        await tokens.take_code(db, vault, "s2")


async def test_a_sign_in_that_is_over_takes_no_code_and_is_deleted(db: Database, vault: Vault) -> None:
    await tokens.begin_sign_in(db, SignIn("s1", ANN, "https://as.test/"), 0)
    assert not await tokens.put_code(db, vault, SignInAnswer(code="c", state="s1"))
    assert await tokens.find_sign_in(db, "s1") is None
    assert await tokens.pending(db, ANN) is None
    assert await tokens.delete_expired(db) == 1
    await tokens.begin_sign_in(db, SignIn("s2", ANN, "https://as.test/"), 0)
    await tokens.begin_sign_in(db, SignIn("s3", ANN, "https://as.test/"), 60)
    assert [row["state"] for row in await db.fetch("SELECT state FROM tool_sign_in")] == ["s3"]


def test_nothing_that_is_printed_shows_a_secret() -> None:
    sign_in = SignIn("hunter2-state", ANN, "https://as.test/?state=hunter2-state")
    shown = f"{STORED!r}{STORED}{STORED.credentials}{SignInAnswer(code='hunter2', state='s')!r}{sign_in!r}{sign_in}"
    assert "hunter2" not in shown
