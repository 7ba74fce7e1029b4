import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.storage.api_log import LAST_ID, ApiCallRow, ApiLog, first_id
from services.storage.database import Database
from tests.storage.cable import Cable
from tests.storage.leases import unique
from tests.storage.samples import until


def row(owner: str, **changes: Any) -> ApiCallRow:
    fields: dict[str, Any] = {
        "at": datetime.now(UTC),
        "request_id": "abc",
        "owner": owner,
        "method": "GET",
        "route": "/v1/requests",
        "status": 200,
        "duration_ms": 3,
    }
    return ApiCallRow(**{**fields, **changes})


async def stored(db: Database, owner: str) -> list[dict[str, Any]]:
    return [dict(found) for found in await db.fetch("SELECT * FROM api_call WHERE owner = $1 ORDER BY id", owner)]


async def test_rows_are_stored_as_they_were_given(db: Database) -> None:
    owner = unique("owner")
    given = row(
        owner,
        status=429,
        call_id="call_1",
        error_code="no_capacity",
        model="m",
        provider="p",
        account="a",
        deployment="d",
        attempts=2,
        cache="MISS",
        first_token_ms=5,
        input_tokens=6,
        cached_tokens=7,
        output_tokens=8,
        cost_micros=2**40,
        details={"waited_ms": 9},
    )
    log = ApiLog(db)
    log.start()
    log.add(given)
    await log.close()
    (found,) = await stored(db, owner)
    assert {name: found[name] for name in ApiCallRow.__dataclass_fields__} == {
        name: getattr(given, name) for name in ApiCallRow.__dataclass_fields__
    }


async def test_rows_are_stored_without_waiting_for_the_end(db: Database) -> None:
    owner = unique("owner")
    log = ApiLog(db, interval_s=0.01)
    log.start()
    for _ in range(2):
        log.add(row(owner))
        await until(lambda: emptied(log))
    assert (len(await stored(db, owner)), log.written) == (2, 2)
    await log.close()


async def emptied(log: ApiLog) -> bool:
    return log.waiting == 0


async def test_a_full_batch_does_not_wait_for_its_time(db: Database) -> None:
    log = ApiLog(db, interval_s=3600, batch_size=10)
    log.start()
    for _ in range(25):
        log.add(row(unique("owner")))
    await until(lambda: has_written(log, 20))
    assert log.waiting == 5
    await log.close()
    assert log.written == 25


async def has_written(log: ApiLog, rows: int) -> bool:
    return log.written == rows


async def test_what_waits_is_stored_at_the_end(db: Database) -> None:
    owner = unique("owner")
    log = ApiLog(db, interval_s=3600, batch_size=4)
    log.start()
    for _ in range(3):
        log.add(row(owner))
    await log.close()
    assert len(await stored(db, owner)) == 3


async def test_while_the_database_is_away_rows_wait_and_the_oldest_are_dropped(far_db: Database, cable: Cable) -> None:
    owner = unique("owner")
    log = ApiLog(far_db, interval_s=0.001, batch_size=2, capacity=6)
    log.start()
    log.add(row(owner, status=1))
    log.add(row(owner, status=2))
    await until(lambda: is_under_way(log))
    for status in range(3, 11):
        log.add(row(owner, status=status))
    assert (log.waiting, log.dropped, log.written) == (6, 4, 0)
    await cable.mend()
    await until(lambda: emptied(log))
    await log.close()
    assert [found["status"] for found in await stored(far_db, owner)] == [1, 2, 7, 8, 9, 10]


async def is_under_way(log: ApiLog) -> bool:
    return log._in_flight == 2  # pyright: ignore[reportPrivateUsage]  nothing public tells the two apart


async def test_a_row_for_which_there_is_no_room_at_all_is_dropped(far_db: Database, cable: Cable) -> None:
    owner = unique("owner")
    log = ApiLog(far_db, interval_s=0.001, batch_size=2, capacity=2)
    log.start()
    log.add(row(owner, status=1))
    log.add(row(owner, status=2))
    await until(lambda: is_under_way(log))
    log.add(row(owner, status=3))
    assert (log.waiting, log.dropped) == (2, 1)
    await cable.mend()
    await log.close(within_s=10)
    assert [found["status"] for found in await stored(far_db, owner)] == [1, 2]


async def test_a_log_that_was_never_started_ends_at_once(db: Database) -> None:
    await ApiLog(db).close(within_s=30)


async def test_the_end_does_not_wait_for_a_database_that_is_away(
    far_db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    log = ApiLog(far_db, interval_s=0.001)
    log.start()
    log.add(row("nobody"))
    await log.close(within_s=0.05)
    assert "1 rows of the API log are lost" in caplog.text


async def test_a_batch_sent_twice_is_stored_once(db: Database) -> None:
    owner = unique("owner")
    log = ApiLog(db)
    log.add(row(owner))
    batch = list(log._rows)  # pyright: ignore[reportPrivateUsage]  as if the answer to the first COMMIT were lost
    for _ in range(2):
        await log._store(batch)  # pyright: ignore[reportPrivateUsage]  as above
    assert len(await stored(db, owner)) == 1


async def test_a_row_that_cannot_be_stored_is_dropped_alone(db: Database) -> None:
    owner = unique("owner")
    log = ApiLog(db)
    log.start()
    for duration_ms in (1, 2**31, 3):
        log.add(row(owner, duration_ms=duration_ms))
    await log.close()
    assert [found["duration_ms"] for found in await stored(db, owner)] == [1, 3]
    assert (log.dropped, log.written, log.waiting) == (1, 2, 0)


async def test_a_text_that_postgresql_cannot_hold_loses_no_row(db: Database) -> None:
    owner = unique("owner")
    log = ApiLog(db)
    log.start()
    log.add(row(owner, model="a\0b\ud800"))
    await log.close()
    assert [found["model"] for found in await stored(db, owner)] == ["a\ufffdb\ufffd"]


async def test_ids_are_in_the_order_of_time_and_rows_of_one_moment_have_their_own(db: Database) -> None:
    owner = unique("owner")
    now = datetime.now(UTC)
    log = ApiLog(db)
    log.start()
    for age in (3, 1, 2, 2):
        log.add(row(owner, at=now - timedelta(seconds=age), status=age))
    await log.close()
    found = await stored(db, owner)
    assert [each["status"] for each in found] == [3, 2, 2, 1]
    for each in found:
        assert first_id(each["at"]) <= each["id"] < first_id(each["at"] + timedelta(milliseconds=1))


async def test_nothing_to_store_is_nothing_to_wait_for(db: Database) -> None:
    log = ApiLog(db)
    log.start()
    async with asyncio.timeout(1):
        await log.close(within_s=30)


@pytest.mark.parametrize("year", [1, 2025, 2200, 9999])
def test_every_moment_has_a_first_id_that_the_database_can_compare(year: int) -> None:
    number = first_id(datetime(year, 1, 1, tzinfo=UTC))
    assert 0 <= number <= LAST_ID
    assert number == (0 if year <= 2025 else LAST_ID)
