import asyncio
import re

import asyncpg
import pytest

from domain.errors import Unavailable
from services.storage import engine
from services.storage.database import Database
from tests.storage.cable import Cable

WAYS = ["postgresql://u@h/d", "postgres://u@h/d", "postgresql+asyncpg://u@h/d"]


@pytest.mark.parametrize("url", WAYS)
def test_addresses_are_taken_with_and_without_a_driver(url: str) -> None:
    assert engine.plain(url) == "postgresql://u@h/d"
    assert engine.sqlalchemy_url(url) == "postgresql+asyncpg://u@h/d"


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="postgresql"):
        Database("sqlite:///x")


async def test_callbacks_run_after_the_commit_only(db: Database) -> None:
    called: list[str] = []
    async with db.transaction() as tx:
        tx.after_commit(lambda: called.append("committed"))
        assert called == []
    with pytest.raises(RuntimeError):
        await _fail(db, called)
    assert called == ["committed"]


async def _fail(db: Database, called: list[str]) -> None:
    async with db.transaction() as tx:
        tx.after_commit(lambda: called.append("rolled back"))
        raise RuntimeError


async def test_a_failed_block_leaves_nothing_behind(db: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await _insert_then_break(db)
    async with db.transaction() as tx:
        assert await tx.driver.fetchval("SELECT 1 FROM blob WHERE ref = 'half'") is None


async def _insert_then_break(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.driver.execute("INSERT INTO blob (ref, body) VALUES ('half', '')")
        await tx.driver.execute("SELECT * FROM no_such_table")


async def test_a_statement_without_a_transaction_is_one_of_its_own(database_url: str) -> None:
    db = Database(database_url, pool_size=1)
    for _ in range(3):
        with pytest.raises(asyncpg.UndefinedTableError):
            await db.fetch("SELECT * FROM no_such_table")
        await db.fetch("INSERT INTO blob (ref, body) VALUES ('alone', '') ON CONFLICT DO NOTHING")
    async with db.transaction() as tx:
        assert len(await tx.fetch("SELECT FROM blob WHERE ref = 'alone'")) == 1
    await db.close()


async def test_a_cancelled_statement_gives_its_connection_back(database_url: str) -> None:
    db = Database(database_url, pool_size=1)
    task = asyncio.create_task(db.fetch("SELECT pg_sleep(9)"))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.ping()
    await db.close()


async def test_a_statement_whose_connection_is_lost_is_unavailable(database_url: str, db: Database) -> None:
    mine = Database(database_url, pool_size=1)
    (row,) = await mine.fetch("SELECT pg_backend_pid() AS pid")
    lost = asyncio.create_task(mine.fetch("SELECT pg_sleep(9)"))
    await asyncio.sleep(0.2)
    await db.fetch("SELECT pg_terminate_backend($1)", row["pid"])
    with pytest.raises(Unavailable):
        await lost
    assert (await mine.fetch("SELECT pg_backend_pid() AS pid"))[0]["pid"] != row["pid"]
    await mine.close()


async def test_a_cancelled_block_gives_its_connection_back(database_url: str) -> None:
    db = Database(database_url, pool_size=1)
    task = asyncio.create_task(_sleep(db))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.ping()
    await db.close()


async def _sleep(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.driver.execute("SELECT pg_sleep(9)")


async def test_after_a_restart_every_pooled_connection_is_replaced(database_url: str, db: Database) -> None:
    mine = Database(database_url, pool_size=3)
    pids = await asyncio.gather(*(_pid(mine) for _ in range(3)))
    async with db.transaction() as tx:
        await tx.driver.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid", list(set(pids)))
    renewed = await asyncio.gather(*(_pid(mine) for _ in range(12)))
    assert not set(pids) & set(renewed)
    await mine.close()


async def _pid(db: Database) -> int:
    async with db.transaction() as tx:
        pid: int = await tx.driver.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.05)")
        return pid


@pytest.mark.parametrize("by", ["driver", "sqlalchemy"])
async def test_a_connection_lost_in_the_middle_is_unavailable(database_url: str, db: Database, by: str) -> None:
    mine = Database(database_url, pool_size=1)
    with pytest.raises(Unavailable):
        await _be_terminated(mine, db, by)
    await mine.ping()
    await mine.close()


async def _be_terminated(mine: Database, other: Database, by: str) -> None:
    async with mine.transaction() as tx:
        pid = await tx.driver.fetchval("SELECT pg_backend_pid()")
        async with other.transaction() as killer:
            await killer.driver.execute("SELECT pg_terminate_backend($1)", pid)
        if by == "driver":
            await tx.driver.fetchval("SELECT 1 FROM pg_sleep(1)")
        else:
            await tx.connection.exec_driver_sql("SELECT 1 FROM pg_sleep(1)")


async def test_a_statement_that_takes_too_long_is_unavailable(db: Database) -> None:
    with pytest.raises(Unavailable):
        await _take_too_long(db)
    await db.ping()


async def _take_too_long(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.driver.execute("SET LOCAL statement_timeout = 50")
        await tx.connection.exec_driver_sql("SELECT 1 FROM pg_sleep(9)")


async def test_an_outage_ends_when_the_database_is_back(far_db: Database, cable: Cable) -> None:
    for _ in range(3):
        with pytest.raises(Unavailable):
            await far_db.ping()
        await cable.mend()
        await asyncio.gather(*(far_db.ping() for _ in range(20)))
        await cable.cut()


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: object) -> None:
    db = Database(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(Unavailable) as caught:
        await db.ping()
    assert not re.search("nobody|none", str(caught.value))
    await db.close()


async def test_a_pool_without_a_free_connection_is_unavailable(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT_S", 0.2)
    db = Database(database_url, pool_size=1)
    async with db.transaction():
        with pytest.raises(Unavailable):
            await db.ping()
    await db.close()
