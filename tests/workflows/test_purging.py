"""The purge: one kind after another, until nothing is left; what cannot be removed now stops nothing else."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.purging import StoredPurging
from composition.workers import sandbox
from contracts.purging import PURGE, Purge, Purged, Purging, Sweep, Swept
from domain.gateway import CallOptions
from domain.purging import Keep, PurgeKind
from runtime import temporal
from runtime.schedules import ensure_purge_schedule
from runtime.settings import Settings
from services.storage import gateway_calls
from services.storage.database import Database
from services.storage.gateway_calls import NewCall
from services.storage.purging import sweep
from tests.storage.leases import lease, unique
from tests.storage.old_rows import call_of, left
from workflows.purging import SWEEPS_A_RUN
from workflows.registry import WORKFLOWS


class Field(Purging):
    """A sweep that answers from memory, so that the workflow is watched alone."""

    def __init__(self) -> None:
        self.left: dict[PurgeKind, int] = {}
        self.swept: list[PurgeKind] = []
        self.kept: list[Keep] = []
        self.broken: PurgeKind | None = None

    @activity.defn(name="sweep")
    async def sweep(self, request: Sweep) -> Swept:
        self.swept.append(request.kind)
        self.kept.append(request.keep)
        if request.kind is self.broken:
            raise ApplicationError("no such table", non_retryable=True)
        rows = min(self.left.get(request.kind, 0), 10)
        self.left[request.kind] = self.left.get(request.kind, 0) - rows
        return Swept(rows=rows, more=self.left[request.kind] > 0)


@pytest.fixture
def field() -> Field:
    return Field()


@pytest_asyncio.fixture(scope="module")
async def connected(settings: Settings, temporal_address: str) -> Client:
    return await temporal.connect(settings.model_copy(update={"temporal_address": temporal_address}))


@pytest_asyncio.fixture
async def queue(connected: Client, field: Field) -> AsyncIterator[str]:
    name = unique("purge")
    async with Worker(
        connected,
        task_queue=name,
        workflows=[*WORKFLOWS],
        activities=[field.sweep],
        workflow_runner=sandbox(),
    ):
        yield name


async def started(client: Client, queue: str, purge: Purge) -> WorkflowHandle[object, Purged]:
    return await client.start_workflow(PURGE, purge, id=unique("purge"), task_queue=queue, result_type=Purged)


async def test_every_kind_is_removed_until_nothing_is_left(connected: Client, queue: str, field: Field) -> None:
    field.left = {PurgeKind.API_CALLS: 25, PurgeKind.SESSIONS: 3}
    keep = Keep(log_days=5)
    done = await (await started(connected, queue, Purge(keep=keep))).result()
    assert (done.rows[PurgeKind.API_CALLS], done.rows[PurgeKind.SESSIONS], done.failed) == (25, 3, ())
    assert set(done.rows) == set(PurgeKind)
    assert field.swept.count(PurgeKind.API_CALLS) == 3
    assert all(kept == keep for kept in field.kept)


async def test_leases_are_counted_before_they_are_removed(connected: Client, queue: str, field: Field) -> None:
    await (await started(connected, queue, Purge())).result()
    assert field.swept.index(PurgeKind.LEASE_TOTALS) < field.swept.index(PurgeKind.LEASES)


async def test_a_kind_that_cannot_be_removed_stops_no_other(connected: Client, queue: str, field: Field) -> None:
    field.left, field.broken = {PurgeKind.API_CALLS: 1}, PurgeKind.WAITERS
    done = await (await started(connected, queue, Purge())).result()
    assert (done.failed, done.rows[PurgeKind.API_CALLS]) == ((PurgeKind.WAITERS,), 1)


async def test_a_long_purge_goes_on_in_another_run_and_loses_no_count(
    connected: Client, queue: str, field: Field
) -> None:
    rows = 10 * (SWEEPS_A_RUN + 5)
    field.left, field.broken = {PurgeKind.API_CALLS: rows}, PurgeKind.WAITERS
    handle = await started(connected, queue, Purge())
    done = await handle.result()
    assert (done.rows[PurgeKind.API_CALLS], done.failed) == (rows, (PurgeKind.WAITERS,))
    history = await connected.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).fetch_history()
    assert history.events[-1].HasField("workflow_execution_continued_as_new_event_attributes")


async def test_the_schedule_is_made_once_brought_up_to_date_and_purges(
    connected: Client, queue: str, field: Field
) -> None:
    schedule = unique("schedule")
    try:
        assert await ensure_purge_schedule(connected, queue, Keep(), 3600, schedule_id=schedule)
        handle = connected.get_schedule_handle(schedule)
        keep = Keep(lease_days=3)
        assert await ensure_purge_schedule(connected, queue, keep, 7200, schedule_id=schedule)
        described = (await handle.describe()).schedule
        assert described.spec.intervals[0].every == timedelta(seconds=7200)
        await handle.trigger()
        async with asyncio.timeout(20):
            while PurgeKind.API_CALLS not in field.swept:
                await asyncio.sleep(0.05)
        assert all(kept == keep for kept in field.kept)
    finally:
        await connected.get_schedule_handle(schedule).delete()


async def test_no_schedule_is_no_reason_not_to_start(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = settings.model_copy(update={"temporal_address": "127.0.0.1:9"})
    assert not await ensure_purge_schedule(await temporal.connect(nowhere, lazy=True), "nobody", Keep())
    assert "what is old is not removed by schedule" in caplog.text


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def test_the_activity_removes_batch_after_batch(db: Database) -> None:
    account = f"a-{secrets.token_hex(4)}"
    for _ in range(3):
        await lease(db, account, ended_ago_s=9 * 86_400.0)
    swept = await ActivityEnvironment().run(StoredPurging(db).sweep, Sweep(kind=PurgeKind.LEASE_TOTALS))
    assert (swept.rows >= 3, swept.more) == (True, False)
    swept = await ActivityEnvironment().run(StoredPurging(db).sweep, Sweep(kind=PurgeKind.LEASES))
    assert (swept.rows >= 3, swept.more) == (True, False)
    assert await sweep(db, PurgeKind.LEASES, Keep()) == (0, False)


async def test_an_activity_whose_time_is_over_says_that_there_is_more(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.purging.SWEEP_S", 0.0)
    swept = await ActivityEnvironment().run(StoredPurging(db).sweep, Sweep(kind=PurgeKind.API_CALLS))
    assert swept == Swept(rows=0, more=True)


async def test_a_database_that_is_away_is_an_error_that_is_tried_again() -> None:
    away = Database("postgresql://nobody@/none?host=/nowhere")
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment().run(StoredPurging(away).sweep, Sweep(kind=PurgeKind.API_CALLS))
    assert (failed.value.type, failed.value.non_retryable) == ("Unavailable", False)


async def test_a_call_without_a_workflow_is_removed_and_one_that_has_one_stays(
    connected: Client, queue: str, db: Database
) -> None:
    await db.fetch("DELETE FROM purge_mark")
    lost, running = [
        (await gateway_calls.accept(db, NewCall(call_of(2), "o", "{}", CallOptions(model="m")))).call_id for _ in "ab"
    ]
    handle = await connected.start_workflow(PURGE, Purge(), id=running, task_queue=f"nobody-{queue}")
    sweep_calls = Sweep(kind=PurgeKind.UNSTARTED_CALLS)
    try:
        swept = await ActivityEnvironment(client=connected).run(StoredPurging(db).sweep, sweep_calls)
    finally:
        await handle.terminate()
    assert (swept.rows >= 1, swept.more) == (True, False)
    assert [await left(db, "request", "id", call) for call in (lost, running)] == [0, 1]


async def test_nothing_is_removed_while_temporal_does_not_answer(settings: Settings, db: Database) -> None:
    await db.fetch("DELETE FROM purge_mark")
    accepted = await gateway_calls.accept(db, NewCall(call_of(2), "o", "{}", CallOptions(model="m")))
    nowhere = await temporal.connect(settings.model_copy(update={"temporal_address": "127.0.0.1:9"}), lazy=True)
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment(client=nowhere).run(StoredPurging(db).sweep, Sweep(kind=PurgeKind.UNSTARTED_CALLS))
    assert (failed.value.type, failed.value.non_retryable) == ("Unavailable", False)
    assert await left(db, "request", "id", accepted.call_id) == 1
