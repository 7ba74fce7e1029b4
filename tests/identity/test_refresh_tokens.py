"""Refresh tokens: each is good once, a lost answer costs nothing, a stolen one ends the session."""

import asyncio

import pytest

from services.identity.doors import Doors
from services.identity.log_ins import Granted, GrantRefused
from services.identity.refresh_tokens import GRACE_S, REMEMBERED
from services.storage.database import Database
from services.vault.vault import Vault
from tests.identity.passworded import HERE, doors_of, log_in, make_person, make_tenant


@pytest.fixture
def doors(db: Database, vault: Vault) -> Doors:
    return doors_of(db, vault)


async def test_each_use_gives_the_next_one(db: Database, doors: Doors) -> None:
    granted = await log_in(doors, await make_person(db))
    seen = [granted.refresh_token]
    for _ in range(4):
        again = await doors.log_ins.by_refresh(seen[-1], HERE)
        assert again.session_id == granted.session_id
        assert (await doors.tokens.verify(again.access_token)).session_id == granted.session_id
        seen.append(again.refresh_token)
    assert len(set(seen)) == 5


async def test_lost_answer_is_given_again(db: Database, doors: Doors) -> None:
    """Whoever asks again at once gets the same next token, and goes on with it."""
    granted = await log_in(doors, await make_person(db))
    lost = await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    again = await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    assert again.refresh_token == lost.refresh_token
    await doors.log_ins.by_refresh(again.refresh_token, HERE)


async def test_used_token_ends_the_session_once_its_successor_is_used(db: Database, doors: Doors) -> None:
    granted = await log_in(doors, await make_person(db))
    second = await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    third = await doors.log_ins.by_refresh(second.refresh_token, HERE)
    await _refused(doors, granted.refresh_token)
    await _refused(doors, third.refresh_token)
    assert await _end_reason(db, granted) == "reused"


async def test_used_token_ends_the_session_when_it_comes_late(db: Database, doors: Doors) -> None:
    """The thief came second: the owner's token is dead as well, so that somebody notices."""
    person = await make_person(db, tenant=(tenant := await make_tenant(db)))
    granted = await log_in(doors, person)
    second = await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    await _age(db, granted, GRACE_S + 1)
    await _refused(doors, granted.refresh_token)
    await _refused(doors, second.refresh_token)
    assert await _end_reason(db, granted) == "reused"
    rows = await db.fetch("SELECT * FROM audit_entry WHERE action = 'refresh.reused' AND tenant = $1", tenant)
    assert [(row["object_id"], row["details"]) for row in rows] == [(granted.session_id, {"user": person.id})]


async def test_thief_within_the_grace_is_told_by_the_next_use(db: Database, doors: Doors) -> None:
    granted = await log_in(doors, await make_person(db))
    owners = await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    thiefs = await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    await doors.log_ins.by_refresh(thiefs.refresh_token, HERE)
    await _age(db, granted, GRACE_S + 1)
    await _refused(doors, owners.refresh_token)
    assert await _end_reason(db, granted) == "reused"


@pytest.mark.parametrize("at_once", [2, 20])
async def test_concurrent_uses_get_the_same_next_token(db: Database, vault: Vault, doors: Doors, at_once: int) -> None:
    """Two tabs, or twenty, in several processes: one rotation, one live token, nobody is logged out."""
    granted = await log_in(doors, await make_person(db))
    others = [doors, doors_of(db, vault), doors_of(db, vault)]
    asked = [others[n % 3].log_ins.by_refresh(granted.refresh_token, HERE) for n in range(at_once)]
    given = await asyncio.gather(*asked)
    assert len({each.refresh_token for each in given}) == 1
    rows = await db.fetch("SELECT used_at FROM refresh_token WHERE session_id = $1", granted.session_id)
    assert len(rows) == 2
    assert sum(row["used_at"] is None for row in rows) == 1
    assert await _end_reason(db, granted) is None


async def test_concurrent_reuse_ends_the_session_once(db: Database, doors: Doors) -> None:
    granted = await log_in(doors, await make_person(db))
    second = await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    await doors.log_ins.by_refresh(second.refresh_token, HERE)
    asked = [doors.log_ins.by_refresh(granted.refresh_token, HERE) for _ in range(10)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(each, GrantRefused) for each in answers)
    assert await _end_reason(db, granted) == "reused"


@pytest.mark.parametrize(
    "token",
    ["", "lhr_", "lhr_" + "A" * 43, "lhr_" + "A" * 42 + "\n", "x" * 100_000, "lh_0_0", "\ud800", "lhr_" + "é" * 43],
)
async def test_what_is_no_refresh_token_is_refused(doors: Doors, token: str) -> None:
    await _refused(doors, token)


async def test_access_token_is_no_refresh_token(db: Database, doors: Doors) -> None:
    granted = await log_in(doors, await make_person(db))
    await _refused(doors, granted.access_token)
    await doors.log_ins.by_refresh(granted.refresh_token, HERE)


async def test_refresh_token_dies_of_age_and_with_its_session(db: Database, doors: Doors) -> None:
    person = await make_person(db)
    idle, over = await log_in(doors, person), await log_in(doors, person)
    await db.fetch("UPDATE refresh_token SET expires_at = clock_timestamp() WHERE session_id = $1", idle.session_id)
    await db.fetch("UPDATE user_session SET expires_at = clock_timestamp() WHERE id = $1", over.session_id)
    await _refused(doors, idle.refresh_token)
    await _refused(doors, over.refresh_token)


async def test_session_lives_ninety_days_at_most(db: Database, doors: Doors) -> None:
    granted = await log_in(doors, await make_person(db))
    await db.fetch(
        "UPDATE user_session SET created_at = clock_timestamp() - interval '89 days' WHERE id = $1", granted.session_id
    )
    await doors.log_ins.by_refresh(granted.refresh_token, HERE)
    rows = await db.fetch(
        "SELECT expires_at < clock_timestamp() + interval '25 hours' AS soon FROM user_session WHERE id = $1",
        granted.session_id,
    )
    assert rows[0]["soon"]


async def test_old_used_tokens_are_forgotten(db: Database, doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    assert REMEMBERED >= 1000
    monkeypatch.setattr("services.identity.refresh_tokens.REMEMBERED", 3)
    granted = await log_in(doors, await make_person(db))
    token = granted.refresh_token
    for _ in range(8):
        token = (await doors.log_ins.by_refresh(token, HERE)).refresh_token
    rows = await db.fetch("SELECT n FROM refresh_token WHERE session_id = $1 ORDER BY n", granted.session_id)
    assert [row["n"] for row in rows] == [7, 8, 9]
    await _refused(doors, granted.refresh_token)
    assert await _end_reason(db, granted) is None


async def test_another_installation_cannot_use_it(
    db: Database, doors: Doors, first_start: Database, vault: Vault
) -> None:
    granted = await log_in(doors, await make_person(db))
    await _refused(doors_of(first_start, vault), granted.refresh_token)


async def _refused(doors: Doors, token: str) -> None:
    with pytest.raises(GrantRefused):
        await doors.log_ins.by_refresh(token, HERE)


async def _age(db: Database, granted: Granted, by_s: float) -> None:
    await db.fetch(
        "UPDATE refresh_token SET used_at = used_at - make_interval(secs => $2) WHERE session_id = $1",
        granted.session_id,
        by_s,
    )


async def _end_reason(db: Database, granted: Granted) -> str | None:
    rows = await db.fetch("SELECT end_reason FROM user_session WHERE id = $1", granted.session_id)
    reason: str | None = rows[0]["end_reason"]
    return reason
