import asyncio

import pytest

from domain.api_keys import parse_key, secret_of
from domain.caller import LOCAL_TENANT, LOCAL_USER
from domain.errors import InvalidInput
from domain.permissions import Permission
from domain.user_names import skeleton
from services.identity.authenticator import Authenticator
from services.identity.bootstrap import ensure_admin
from services.storage.database import Database
from services.vault.vault import Vault


async def _ensure(db: Database, vault: Vault, key: str | None = None) -> str | None:
    async with db.transaction() as tx:
        return await ensure_admin(tx, vault, key)


async def test_the_first_start_makes_one_key_for_the_first_admin(first_start: Database, vault: Vault) -> None:
    made = await asyncio.gather(*(_ensure(first_start, vault) for _ in range(5)))
    (key,) = [each for each in made if each is not None]
    who = Authenticator(first_start, vault)
    caller = await who.caller(key, "127.0.0.1")
    await who.close()
    assert (caller.owner, caller.tenant, caller.wallet) == (LOCAL_USER, LOCAL_TENANT, "default")
    assert caller.permissions == frozenset(Permission)
    assert await _ensure(first_start, vault) is None


async def test_a_given_key_is_set_and_nothing_is_shown(first_start: Database, vault: Vault) -> None:
    given = f"lh_00112233445566aa_{secret_of(bytes(32))}"
    assert await _ensure(first_start, vault, given) is None
    assert await _ensure(first_start, vault, given) is None
    another = f"lh_00112233445566ab_{secret_of(bytes(32))}"
    await _ensure(first_start, vault, another)
    who = Authenticator(first_start, vault)
    assert [(await who.caller(key, None)).owner for key in (given, another)] == [LOCAL_USER] * 2
    await who.close()
    assert await _ensure(first_start, vault) is None


@pytest.mark.parametrize("key", ["", "secret", "lh_00112233445566aa_short", "lh_00112233445566AA_" + "a" * 43])
async def test_what_is_no_key_is_refused(db: Database, vault: Vault, key: str) -> None:
    with pytest.raises(InvalidInput):
        await _ensure(db, vault, key)


async def test_another_secret_for_a_known_id_is_refused(db: Database, vault: Vault) -> None:
    await _ensure(db, vault, f"lh_00112233445566ac_{secret_of(bytes(32))}")
    with pytest.raises(InvalidInput):
        await _ensure(db, vault, f"lh_00112233445566ac_{secret_of(bytes([1] * 32))}")


async def test_no_secret_is_stored(first_start: Database, vault: Vault) -> None:
    key = await _ensure(first_start, vault)
    spelled = parse_key(key or "")
    assert spelled is not None
    (row,) = await first_start.fetch("SELECT digest FROM api_key_secret")
    assert spelled.secret.encode() not in bytes(row["digest"])
    assert len(row["digest"]) == 32
    assert spelled.secret not in repr(spelled)


async def test_the_names_of_the_first_rows_are_as_the_rules_make_them(db: Database) -> None:
    rows = await db.fetch("SELECT name, skeleton FROM app_user UNION ALL SELECT name, skeleton FROM tenant")
    assert {row["name"] for row in rows} >= {"admin", "default"}
    assert all(skeleton(row["name"]) == row["skeleton"] for row in rows)
