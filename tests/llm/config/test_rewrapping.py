"""A change of the master key: every credential gets under the new one, whatever interrupts it, and none is lost."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import Unavailable
from services.llm.config import providers_file
from services.llm.config.rewrapping import rewrap
from services.llm.config.settings_provider import SettingsProvider, import_settings
from services.storage.database import Database
from services.storage.driver import Row
from services.vault.vault import Vault
from tests.llm.config.stage import ANNA, Stage, account, credential, provider

OLD, NEW = b"1" * 32, b"2" * 32
BOTH = Vault({"k2": NEW, "k1": OLD}, active="k2")
NEW_ONLY = Vault({"k2": NEW}, active="k2")
MANY = 450
"""Over two pages."""


class Cut(Database):
    """A database that goes away after some statements."""

    def __init__(self, url: str, left: int) -> None:
        super().__init__(url)
        self.left = left

    async def fetch(self, query: str, *parameters: object) -> list[Row]:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("the database does not answer")
        return await super().fetch(query, *parameters)


async def fill(stage: Stage, count: int) -> None:
    await stage.admin.providers.create(ANNA, provider())
    for n in range(count):
        await stage.admin.accounts.create(ANNA, account(f"a{n}"), credential(f"sk-{n}") if n % 3 else None)


async def test_every_credential_gets_under_the_active_key(stage: Stage) -> None:
    await fill(stage, 9)
    first, again = await rewrap(stage.db, BOTH), await rewrap(stage.db, BOTH)
    assert (first.total, first.active, first.moved, first.unopenable) == (6, 6, 6, 0)
    assert (again.total, again.active, again.moved, again.unopenable) == (6, 6, 0, 0)
    for n in (1, 2, 8):
        sealed = await stage.sealed(f"a{n}")
        assert sealed is not None
        assert NEW_ONLY.open(sealed, bound_to=f"pool_account/a{n}") == f"sk-{n}".encode()


async def test_an_interrupted_rewrapping_goes_on_where_it_was(stage: Stage, pool_url: str) -> None:
    await fill(stage, MANY)
    cut = Cut(pool_url, left=150)
    with pytest.raises(Unavailable):
        await rewrap(cut, BOTH)
    await cut.close()
    rest = await rewrap(stage.db, BOTH)
    assert (rest.total, rest.active) == (MANY * 2 // 3, MANY * 2 // 3)
    assert 0 < rest.moved < rest.total


async def test_what_cannot_be_opened_is_counted_and_stops_nothing(stage: Stage) -> None:
    await fill(stage, 6)
    stranger = Vault({"k9": b"9" * 32}, active="k9").seal(b"x", bound_to="pool_account/a1")
    await stage.db.fetch("UPDATE pool_account SET credential = $1 WHERE id = 'a1'", stranger)
    await stage.db.fetch(r"UPDATE pool_account SET credential = '\x0102' WHERE id = 'a2'")
    found = await rewrap(stage.db, BOTH)
    assert (found.total, found.active, found.moved, found.unopenable) == (4, 2, 2, 2)
    assert await stage.sealed("a1") == stranger


async def test_a_credential_that_is_changed_meanwhile_is_not_overwritten(stage: Stage, pool_url: str) -> None:
    await fill(stage, 3)

    class Late(Database):
        """One in which somebody else sets a credential just before it is re-wrapped."""

        async def fetch(self, query: str, *parameters: object) -> list[Row]:
            if query.startswith("UPDATE pool_account") and parameters[0] == "a1":
                await stage.admin.accounts.replace(ANNA, account("a1"), credential("sk-newest"), None)
            return await super().fetch(query, *parameters)

    late = Late(pool_url)
    found = await rewrap(late, BOTH)
    await late.close()
    assert found.moved == 1
    assert await stage.opened("a1") == "sk-newest"


async def test_no_version_is_counted_for_a_rewrapping(stage: Stage) -> None:
    await fill(stage, 3)
    before = await stage.version()
    await rewrap(stage.db, BOTH)
    assert await stage.version() == before


async def test_imports_are_remembered_over_a_rotation(stage: Stage, tmp_path: Path) -> None:
    settings = SettingsProvider("http://127.0.0.1:9/v1", SecretStr("sk-1"))
    file = tmp_path / "providers.yaml"
    file.write_text("providers: {p: {base_url: 'http://127.0.0.1:9/v1'}}")
    async with stage.db.transaction() as tx:
        await import_settings(tx, stage.vault, settings)
        await providers_file.import_file(tx, stage.vault, file, {})
    await rewrap(stage.db, BOTH)
    before = await stage.version()
    async with stage.db.transaction() as tx:
        assert not await import_settings(tx, NEW_ONLY, settings)
        assert not await providers_file.import_file(tx, NEW_ONLY, file, {})
    assert await stage.version() == before
