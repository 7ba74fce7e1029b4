"""The pool with the configuration that the database holds, as a process has it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from domain.errors import ModelCredentialDead
from services.llm.pool.catalogue import Catalogue
from services.llm.pool.pool import ModelPool
from services.llm.pool.port import LeaseEnd
from services.llm.prices import Prices
from services.storage import json_text
from services.storage.database import Database
from tests.llm.pool.accounts import new_name
from tests.llm.pool.pools import PROVIDER, need


@pytest_asyncio.fixture
async def names(db: Database) -> AsyncIterator[tuple[str, str]]:
    """Configure a route to one deployment; yield the model's and the account's name."""
    mark, account = new_name("cfg"), new_name("acc")
    rows = {
        "INSERT INTO pool_provider (id, data) VALUES ($1, $2)": (
            mark,
            PROVIDER.model_copy(update={"id": mark}).model_dump_json(),
        ),
        "INSERT INTO pool_account (id, provider_id, data) VALUES ($1, $2, $3)": (
            account,
            mark,
            json_text.encode({"id": account, "provider_id": mark}),
        ),
        "INSERT INTO pool_deployment (id, account_id, data) VALUES ($1, $2, $3)": (
            mark,
            account,
            json_text.encode({"id": mark, "account_id": account, "model": "m"}),
        ),
        "INSERT INTO pool_route (name, version, data) VALUES ($1, '', $2)": (
            mark,
            json_text.encode({"name": mark, "targets": [{"deployment_id": mark}]}),
        ),
    }
    async with db.transaction() as tx:
        for query, values in rows.items():
            await tx.fetch(query, *values)
        await tx.fetch("UPDATE pool_version SET version = version + 1")
    yield mark, account
    async with db.transaction() as tx:
        for query in (
            "DELETE FROM pool_route WHERE name = $1",
            "DELETE FROM pool_deployment WHERE id = $1",
            "DELETE FROM pool_provider WHERE id = $1",
        ):
            await tx.fetch(query, mark)
        await tx.fetch("UPDATE pool_version SET version = version + 1")


async def test_a_process_calls_by_what_is_configured_and_hears_of_a_parked_account(
    db: Database, names: tuple[str, str]
) -> None:
    model, account = names
    catalogue = Catalogue(db, None)
    await catalogue.refresh()
    pool = ModelPool(db, catalogue, Prices({}), "test")
    granted = await pool.take(need(model))
    assert (granted.account.id, granted.target.base_url) == (account, PROVIDER.base_url)
    error = ModelCredentialDead("401")
    await pool.settle(granted, LeaseEnd(error.code, error=error))
    await catalogue.refresh()
    assert catalogue.snapshot.accounts[account].parked
    with pytest.raises(ModelCredentialDead):
        await pool.take(need(model))
