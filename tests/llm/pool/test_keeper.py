import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from domain.budget import Usage
from domain.errors import NoCapacity
from services.llm.pool import keeper, leases
from services.llm.pool.keeper import GRACE_S, LeaseKeeper
from services.llm.pool.port import OK, LeaseEnd
from services.storage.database import Database
from tests.llm.pool.accounts import account, age, claim, concurrency, granted, place, rows
from tests.llm.pool.pools import made, need
from tests.storage.cable import Cable


@pytest_asyncio.fixture
async def kept(db: Database) -> AsyncIterator[LeaseKeeper]:
    keeping = LeaseKeeper(db, renew_every_s=0.02)
    await keeping.start()
    yield keeping
    await keeping.close()


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


async def _left_s(db: Database, lease: str) -> float:
    (row,) = await db.fetch(
        "SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS s FROM lease WHERE id = $1", lease
    )
    left: float = row["s"]
    return left


async def test_an_open_lease_is_renewed_until_it_is_dropped(db: Database, kept: LeaseKeeper) -> None:
    name = await account(db)
    lease, other = [await granted(db, claim(), place(name)) or "" for _ in range(2)]
    kept.hold(lease, 60)
    kept.hold(other, 60)
    await age(db, name, 9)

    async def renewed() -> bool:
        return await _left_s(db, lease) > 9 and await _left_s(db, other) > 9

    await _until(renewed)
    kept.drop(other)
    await age(db, name, 9)

    async def only_one() -> bool:
        return await _left_s(db, lease) > 9

    await _until(only_one)
    assert await _left_s(db, other) < 9


async def test_renewal_tells_when_an_answer_began(db: Database, kept: LeaseKeeper) -> None:
    name = await account(db)
    lease = await granted(db, claim(), place(name)) or ""
    kept.hold(lease, 60)
    kept.answered(lease)
    kept.answered(lease)
    kept.answered("another process's")

    async def noted() -> bool:
        return [row["counted_from"] is not None for row in await rows(db, name)] == [True]

    await _until(noted)


async def test_a_lease_that_nobody_ends_is_not_renewed_for_ever(db: Database) -> None:
    name = await account(db)
    lease = await granted(db, claim(), place(name)) or ""
    keeping = LeaseKeeper(db)
    keeping.hold(lease, -GRACE_S)
    await age(db, name, 5)
    await keeping.renew()
    assert await _left_s(db, lease) < 6


async def test_renewing_goes_on_when_the_database_was_away(far_db: Database, db: Database, cable: Cable) -> None:
    await cable.mend()
    name = await account(db)
    lease = await granted(db, claim(), place(name)) or ""
    keeping = LeaseKeeper(far_db, renew_every_s=0.02)
    await keeping.start()
    keeping.hold(lease, 60)
    await cable.cut()
    await age(db, name, 9)
    await cable.mend()

    async def renewed() -> bool:
        return await _left_s(db, lease) > 9

    await _until(renewed)
    await keeping.close()


async def test_renewing_goes_on_after_an_error_of_its_own(
    db: Database, kept: LeaseKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    name = await account(db)
    lease = await granted(db, claim(), place(name)) or ""
    kept.hold("no id has a \0", 60)

    async def said() -> bool:
        return "leases could not be renewed" in caplog.text

    await _until(said)
    kept.drop("no id has a \0")
    kept.hold(lease, 60)
    await age(db, name, 9)

    async def renewed() -> bool:
        return await _left_s(db, lease) > 9

    await _until(renewed)


async def test_a_process_holds_a_bounded_number_of_leases(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MOST", 2)
    pool = made(db)
    model = pool.route(await pool.deploy())
    first, _ = [await pool.pool.take(need(model)) for _ in range(2)]
    with pytest.raises(NoCapacity):
        await pool.pool.take(need(model))
    await pool.pool.settle(first, LeaseEnd(OK, Usage()))
    assert (await pool.pool.take(need(model))).route.name == model


async def test_a_pool_renews_what_it_has_given(db: Database) -> None:
    pool = made(db)
    model = pool.route(await pool.deploy(concurrency(1)))
    pool.pool._keeper = LeaseKeeper(db, renew_every_s=0.02)  # pyright: ignore[reportPrivateUsage]  a faster one
    await pool.pool.start()
    held = await pool.pool.take(need(model))
    pool.pool.answered(held)
    await age(db, held.account.id, leases.TTL_S - 1)

    async def renewed() -> bool:
        return await _left_s(db, held.lease_id) > leases.TTL_S - 1

    await _until(renewed)
    await pool.pool.close()


@pytest.mark.usefixtures("kept")
async def test_now_and_then_sessions_that_are_over_are_forgotten(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "CLEAN_EVERY", 1)
    await db.fetch(
        """INSERT INTO sticky_session (owner, route, session, deployment_id, until)
        VALUES ('o', 'r', 'old', 'd', now() - interval '1 s'), ('o', 'r', 'new', 'd', now() + interval '1 h')"""
    )

    async def forgotten() -> bool:
        return not await db.fetch("SELECT FROM sticky_session WHERE owner = 'o' AND session = 'old'")

    await _until(forgotten)
    left = await db.fetch("DELETE FROM sticky_session WHERE owner = 'o' AND route = 'r' RETURNING session")
    assert [row["session"] for row in left] == ["new"]
