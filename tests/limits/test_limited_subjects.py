import asyncio
from pathlib import Path

import pytest

from domain.caller_limits import LimitKind
from domain.errors import Unavailable
from services.storage.database import Database
from services.storage.limit_desk import LimitDesk, forget
from services.storage.limited_subjects import LimitedSubjects
from tests.limits.callers import ADMIN, Limited


async def until(limited: LimitedSubjects, subject: str, *, known: bool) -> None:
    async with asyncio.timeout(2):  # so soon every process knows
        while limited.any_of([subject]) != known:
            await asyncio.sleep(0.02)


async def test_a_change_is_seen_within_two_seconds(db: Database) -> None:
    caller, limited = Limited(db), LimitedSubjects(db)
    user = caller.subjects[1]
    async with limited.running():
        assert not limited.any_of(caller.subjects)
        made = await caller.limit(LimitKind.REQUESTS, 5, 60)
        await until(limited, user, known=True)
        assert limited.any_of(caller.subjects)
        assert not limited.any_of([caller.subjects[0], caller.subjects[2]])
        await LimitDesk(db).delete(ADMIN, made)
        await until(limited, user, known=False)


async def test_everybody_may_be_limited_until_the_database_has_answered(tmp_path: Path) -> None:
    away = Database(f"postgresql://nobody@/none?host={tmp_path}")
    limited = LimitedSubjects(away, poll_s=0.01)
    async with limited.running():
        assert limited.any_of(["user:anybody"])
        with pytest.raises(Unavailable):
            await limited.refresh()
    await away.close()


async def test_where_too_many_have_limits_everybody_is_asked_about(db: Database) -> None:
    caller = Limited(db)
    for subject in range(3):
        await caller.limit(LimitKind.REQUESTS, 5, 60, subject=subject)
    limited = LimitedSubjects(db, most=2)
    await limited.refresh()
    assert limited.any_of(["user:anybody"])


async def test_the_limits_of_who_is_gone_are_gone(db: Database) -> None:
    caller = Limited(db)
    made = {
        (await caller.limit(LimitKind.REQUESTS, 5, 60)).id,
        (await caller.limit(LimitKind.CONCURRENCY, 5)).id,
    }
    await caller.call()
    async with db.transaction() as tx:
        await forget(tx, caller.subjects[1])
    assert (await caller.call())[1].standing is None
    left = await db.fetch("SELECT limit_id FROM caller_use UNION SELECT limit_id FROM caller_window")
    assert not made & {row["limit_id"] for row in left}
