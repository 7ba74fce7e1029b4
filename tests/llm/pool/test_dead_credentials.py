import asyncio
import logging

import pytest

from domain.errors import ModelCredentialDead
from services.llm.config import parking
from services.llm.pool.port import LeaseEnd
from services.storage.database import Database
from tests.llm.pool.pools import Made, called, made, need

ERROR = ModelCredentialDead("the model provider answered 401 (invalid_api_key)")
DEAD = LeaseEnd(ERROR.code, error=ERROR)


@pytest.fixture
def pool(db: Database) -> Made:
    return made(db)


async def _version(db: Database) -> int:
    (row,) = await db.fetch("SELECT version FROM pool_version")
    version: int = row["version"]
    return version


async def test_an_account_whose_credential_is_refused_is_parked_and_announced(
    pool: Made, caplog: pytest.LogCaptureFixture
) -> None:
    model = pool.route(await pool.deploy())
    before = await _version(pool.db)
    with caplog.at_level(logging.WARNING):
        name = (await called(pool, model, DEAD)).account.id
    assert [record.message for record in caplog.records if record.name == parking.__name__] == [
        f"pool account {name} is parked: {ERROR}"
    ]
    (row,) = await pool.db.fetch("SELECT parked_at, parked_code, parked_note FROM pool_account WHERE id = $1", name)
    assert row["parked_at"] is not None
    assert (row["parked_code"], row["parked_note"]) == (ERROR.code, str(ERROR))
    assert await _version(pool.db) > before
    (change,) = await pool.db.fetch("SELECT actor, action, kind, data FROM pool_change WHERE object_id = $1", name)
    assert (change["actor"], change["action"], change["kind"]) == ("pool", "park", "account")
    with pytest.raises(ModelCredentialDead):
        await pool.pool.take(need(model))


async def test_it_is_announced_once(pool: Made) -> None:
    model = pool.route(await pool.deploy())
    calls = [await pool.pool.take(need(model)) for _ in range(3)]
    for call in calls:
        await pool.pool.settle(call, DEAD)
    (count,) = await pool.db.fetch("SELECT count(*) AS n FROM pool_change WHERE object_id = $1", calls[0].account.id)
    assert count["n"] == 1


async def test_calls_that_fail_at_once_or_later_count_as_one_change(pool: Made) -> None:
    model = pool.route(await pool.deploy())
    calls = [await pool.pool.take(need(model)) for _ in range(6)]
    before = await _version(pool.db)
    await asyncio.gather(*(pool.pool.settle(call, DEAD) for call in calls[:4]))
    assert await _version(pool.db) == before + 1
    for call in calls[4:]:
        await pool.pool.settle(call, DEAD)
    assert await _version(pool.db) == before + 1


@pytest.mark.parametrize(("changed_s_ago", "parked"), [(1, False), (30, True)])
async def test_a_credential_that_was_replaced_meanwhile_is_not_blamed_for_the_old_one(
    pool: Made, changed_s_ago: int, *, parked: bool
) -> None:
    granted = await pool.pool.take(need(pool.route(await pool.deploy())))
    await pool.db.fetch(
        """UPDATE pool_account SET created_at = now() - interval '1 day',
            credential_set_at = now() - make_interval(secs => $2) WHERE id = $1""",
        *(granted.account.id, float(changed_s_ago)),
    )
    await pool.pool.settle(granted, DEAD)
    (row,) = await pool.db.fetch("SELECT parked_at FROM pool_account WHERE id = $1", granted.account.id)
    assert (row["parked_at"] is not None) == parked
