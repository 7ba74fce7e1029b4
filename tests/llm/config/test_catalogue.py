"""Each process's copy of the configuration: whole, soon, and with credentials only where calls are made."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from domain.errors import Unavailable
from services.llm.pool.catalogue import Catalogue, Snapshot
from services.storage.database import Database
from services.vault.vault import Vault
from tests.llm.config.stage import ANNA, RPM, SECRET, Stage, account, credential, deployment, provider, route
from tests.storage.cable import Cable

SOON_S = 2.0
OUTAGE_S = 20.0


@pytest_asyncio.fixture
async def cable(pool_url: str) -> AsyncIterator[Cable]:
    """A way to the database, cut at first."""
    with tempfile.TemporaryDirectory(prefix="lh") as folder:
        made = Cable(pool_url, Path(folder))
        yield made
        await made.cut()


@asynccontextmanager
async def following(db: Database, vault: Vault | None) -> AsyncIterator[Catalogue]:
    catalogue = Catalogue(db, vault)
    await catalogue.start()
    try:
        yield catalogue
    finally:
        await catalogue.close()


async def until(catalogue: Catalogue, seen: Callable[[Snapshot], bool], within_s: float = SOON_S) -> None:
    async with asyncio.timeout(within_s):
        while not seen(catalogue.snapshot):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("base_url", "allowed", "may"),
    [
        ("http://127.0.0.1:9/v1", False, True),
        ("http://localhost:9/v1", False, True),
        ("http://gpu:9/v1", False, False),
        ("http://gpu:9/v1", True, True),
    ],
)
async def test_calls_may_lead_into_private_networks_where_the_provider_allows_it_or_is_on_this_machine(
    stage: Stage, base_url: str, *, allowed: bool, may: bool
) -> None:
    await stage.admin.providers.create(ANNA, provider(base_url=base_url, allow_private=allowed))
    await stage.admin.accounts.create(ANNA, account(), credential())
    async with following(stage.db, stage.vault) as catalogue:
        assert catalogue.snapshot.accounts["a"].target.allow_private == may


async def test_a_snapshot_holds_everything_at_once(stage: Stage) -> None:
    await stage.fill()
    async with following(stage.db, stage.vault) as catalogue:
        snapshot = catalogue.snapshot
    entry = snapshot.accounts["a"]
    assert (entry.account, entry.provider) == (account(limits=(RPM,)), provider())
    assert (entry.target.credential, entry.target.base_url, entry.parked) == (SECRET, provider().base_url, False)
    assert (snapshot.deployments["d"], snapshot.routes) == (deployment(), (route("r", "d"),))
    assert snapshot.version == await stage.version()
    found = snapshot.route("r")
    assert found is not None
    assert found.name == "r"
    assert snapshot.route("s") is None
    assert SECRET not in repr(snapshot)


async def test_a_change_is_live_in_every_process_within_two_seconds(stage: Stage, pool_url: str) -> None:
    await stage.fill()
    other = Database(pool_url)
    async with following(stage.db, stage.vault) as here, following(other, stage.vault) as there:
        await stage.admin.accounts.replace(ANNA, account(), credential("sk-new"), None)
        for catalogue in (here, there):
            await until(catalogue, lambda seen: seen.accounts["a"].target.credential == "sk-new")
        await stage.admin.providers.switch(ANNA, ("p",), disabled=True)
        for catalogue in (here, there):
            await until(catalogue, lambda seen: seen.accounts["a"].provider.disabled)
        await stage.admin.routes.delete(ANNA, ("r", ""), None)
        for catalogue in (here, there):
            await until(catalogue, lambda seen: seen.route("r") is None)
    await other.close()


async def test_the_apis_copy_has_no_credentials(stage: Stage) -> None:
    await stage.fill()
    async with following(stage.db, None) as catalogue:
        entry = catalogue.snapshot.accounts["a"]
    assert (entry.target.credential, entry.unopened, entry.parked) == (None, False, False)


async def test_a_credential_that_cannot_be_opened_stops_one_account_only(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.fill()
    await stage.admin.accounts.create(ANNA, account("b"), None)
    with caplog.at_level(logging.WARNING):
        async with following(stage.db, Vault({"k2": b"2" * 32}, active="k2")) as catalogue:
            accounts = catalogue.snapshot.accounts
    assert (accounts["a"].unopened, accounts["a"].parked, accounts["a"].target.credential) == (True, True, None)
    assert (accounts["b"].unopened, accounts["b"].parked) == (False, False)
    assert "pool account a cannot be opened" in caplog.text


async def test_a_credential_of_another_row_is_not_opened(stage: Stage) -> None:
    await stage.fill()
    await stage.admin.accounts.create(ANNA, account("b"), None)
    await stage.db.fetch("UPDATE pool_account SET credential = $1 WHERE id = 'b'", await stage.sealed())
    async with following(stage.db, stage.vault) as catalogue:
        assert catalogue.snapshot.accounts["b"].unopened


async def test_a_parked_account_is_seen_as_such(stage: Stage) -> None:
    await stage.fill()
    await stage.db.fetch("UPDATE pool_account SET parked_at = now()")
    async with following(stage.db, stage.vault) as catalogue:
        assert catalogue.snapshot.accounts["a"].parked
        await stage.admin.accounts.unpark(ANNA, "a")
        await until(catalogue, lambda seen: not seen.accounts["a"].parked)


async def test_an_account_made_anew_under_its_old_id_is_not_taken_for_the_old_one(stage: Stage) -> None:
    await stage.admin.providers.create(ANNA, provider())
    await stage.admin.accounts.create(ANNA, account(), credential("sk-old"))
    catalogue = Catalogue(stage.db, stage.vault)
    await catalogue.refresh()
    await stage.admin.accounts.delete(ANNA, "a", None)
    await stage.admin.accounts.create(ANNA, account(), credential("sk-new"))
    await catalogue.refresh()
    assert catalogue.snapshot.accounts["a"].target.credential == "sk-new"


async def test_what_was_not_changed_is_not_made_again(stage: Stage) -> None:
    await stage.fill()
    catalogue = Catalogue(stage.db, stage.vault)
    await catalogue.refresh()
    before = catalogue.snapshot
    await catalogue.refresh()
    assert catalogue.snapshot is before
    await stage.admin.accounts.create(ANNA, account("b"), None)
    await catalogue.refresh()
    assert catalogue.snapshot.accounts["a"] is before.accounts["a"]
    await stage.admin.providers.replace(ANNA, provider(base_url="http://127.0.0.1:10/v1"), None)
    await catalogue.refresh()
    assert catalogue.snapshot.accounts["a"].target.base_url == "http://127.0.0.1:10/v1"


async def test_an_unreadable_row_is_left_out_with_what_stands_on_it(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.fill()
    await stage.admin.providers.create(ANNA, provider("q"))
    await stage.admin.accounts.create(ANNA, account("b", "q"), None)
    await stage.db.fetch("""UPDATE pool_provider SET data = '{"id": "p", "surprise": 1}' WHERE id = 'p'""")
    catalogue = Catalogue(stage.db, stage.vault)
    await catalogue.refresh()
    assert list(catalogue.snapshot.accounts) == ["b"]
    assert catalogue.snapshot.deployments == {}
    assert "provider p of the pool's configuration is unreadable" in caplog.text


async def test_without_the_database_the_copy_grows_old_and_then_young(stage: Stage, cable: Cable) -> None:
    await stage.fill()
    far = Database(cable.url)
    async with following(far, stage.vault) as catalogue:
        assert catalogue.snapshot == Snapshot()
        with pytest.raises(Unavailable):
            await catalogue.refresh()
        await cable.mend()
        await until(catalogue, lambda seen: "a" in seen.accounts, OUTAGE_S)
        await cable.cut()
        await stage.admin.accounts.switch(ANNA, ("a",), disabled=True)
        assert not catalogue.snapshot.accounts["a"].account.disabled
        await cable.mend()
        await until(catalogue, lambda seen: seen.accounts["a"].account.disabled, OUTAGE_S)
    await far.close()


async def test_ten_thousand_accounts_are_read(stage: Stage) -> None:
    await stage.admin.providers.create(ANNA, provider())
    await stage.db.fetch(
        """INSERT INTO pool_account (id, provider_id, data, credential)
        SELECT 'n' || n, 'p', jsonb_build_object('id', 'n' || n, 'provider_id', 'p'), $1
        FROM generate_series(1, 10000) AS n""",
        stage.vault.seal(SECRET.encode(), bound_to="pool_account/n1"),
    )
    await stage.admin.deployments.create(ANNA, deployment("d", "n10000"))
    catalogue = Catalogue(stage.db, stage.vault)
    await catalogue.refresh()
    accounts = catalogue.snapshot.accounts
    assert len(accounts) == 10_000
    assert accounts["n1"].target.credential == SECRET
    assert sum(entry.unopened for entry in accounts.values()) == 9_999
