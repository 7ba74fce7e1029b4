"""Refreshing many servers, freeing gates page by page, and the schedule: what one of them cannot do stops no other."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from activities.errors import to_application_error
from composition.workers import sandbox
from contracts.tools import (
    FREE_GATES,
    REFRESH_TOOLS,
    RULES_CHANGED,
    FreeGates,
    OpenGates,
    RefreshedServer,
    RefreshedTools,
    RefreshTools,
    ServersToRefresh,
)
from domain.errors import InvalidInput
from runtime import temporal
from runtime.schedules import ensure_refresh_schedule
from runtime.settings import Settings
from workflows.registry import WORKFLOWS
from workflows.tool_servers import AT_ONCE, PAGES_A_RUN


class Field:
    """Activities that answer from memory, so that the workflows are watched alone."""

    def __init__(self) -> None:
        self.servers: tuple[str, ...] = ()
        self.requests: list[str] = []
        self.reading = self.most = 0

    @activity.defn(name="servers_to_refresh")
    async def servers_to_refresh(self, request: RefreshTools) -> ServersToRefresh:
        return ServersToRefresh(servers=self.servers if request.server is None else (request.server,))

    @activity.defn(name="refresh_server")
    async def refresh_server(self, request: RefreshTools) -> RefreshedServer:
        assert request.server is not None
        self.reading += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0.02)
        self.reading -= 1
        if request.server == "broken":
            raise to_application_error(InvalidInput("the server cannot be read"))
        return RefreshedServer(server=request.server, total=1)

    @activity.defn(name="open_gates")
    async def open_gates(self, request: FreeGates) -> OpenGates:
        """Give one request a page, as many pages as there are requests."""
        start = 0 if request.after is None else self.requests.index(request.after) + 1
        page = tuple(self.requests[start : start + 1])
        is_last = start + 1 >= len(self.requests)
        return OpenGates(request_ids=page, after=None if is_last else page[-1])


@workflow.defn(name="Waiting", sandboxed=False)
class Waiting:
    """A request that waits for a decision."""

    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._told)

    @workflow.signal(name=RULES_CHANGED)
    def rules_changed(self) -> None:
        self._told = True


@pytest.fixture
def field() -> Field:
    return Field()


@pytest_asyncio.fixture(scope="module")
async def connected(settings: Settings, temporal_address: str) -> Client:
    return await temporal.connect(settings.model_copy(update={"temporal_address": temporal_address}))


@pytest_asyncio.fixture
async def queue(connected: Client, field: Field) -> AsyncIterator[str]:
    name = f"tools-{secrets.token_hex(4)}"
    activities: list[Callable[..., Any]] = [field.servers_to_refresh, field.refresh_server, field.open_gates]
    workflows = [*WORKFLOWS, Waiting]
    async with Worker(
        connected, task_queue=name, workflows=workflows, activities=activities, workflow_runner=sandbox()
    ):
        yield name


def unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(4)}"


async def refreshed(client: Client, queue: str, request: RefreshTools) -> RefreshedTools:
    found: RefreshedTools = await client.execute_workflow(
        REFRESH_TOOLS, request, id=unique("refresh"), task_queue=queue, result_type=RefreshedTools
    )
    return found


async def test_all_servers_are_read_a_few_at_a_time(connected: Client, queue: str, field: Field) -> None:
    field.servers = tuple(f"s{number}" for number in range(25))
    found = await refreshed(connected, queue, RefreshTools(reason="schedule"))
    assert [each.server for each in found.servers] == list(field.servers)
    assert 1 < field.most <= AT_ONCE


async def test_a_server_that_fails_is_part_of_the_answer(connected: Client, queue: str, field: Field) -> None:
    field.servers = ("a", "broken", "b")
    found = await refreshed(connected, queue, RefreshTools())
    assert [each.error for each in found.servers] == [None, "the server cannot be read", None]


async def test_one_server_is_read_alone(connected: Client, queue: str, field: Field) -> None:
    field.servers = ("a", "b")
    found = await refreshed(connected, queue, RefreshTools(server="b"))
    assert [each.server for each in found.servers] == ["b"]


async def test_every_waiting_request_is_told_and_the_ended_are_passed_over(
    connected: Client, queue: str, field: Field
) -> None:
    first, last = unique("req"), unique("req")
    field.requests = [first, *(unique("gone") for _ in range(PAGES_A_RUN + 3)), last]
    waiting = [
        await connected.start_workflow("Waiting", id=request_id, task_queue=queue) for request_id in (first, last)
    ]
    handle = await connected.start_workflow(FREE_GATES, FreeGates(), id=unique("gates"), task_queue=queue)
    async with asyncio.timeout(20):
        await asyncio.gather(handle.result(), *(each.result() for each in waiting))
    history = await handle.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    assert started.continued_execution_run_id


async def test_the_schedule_is_made_once_and_brought_up_to_date(connected: Client, queue: str) -> None:
    schedule = unique("schedule")
    try:
        assert await ensure_refresh_schedule(connected, queue, 300, 60, schedule_id=schedule)
        handle = connected.get_schedule_handle(schedule)
        await handle.pause(note="by hand")
        assert await ensure_refresh_schedule(connected, queue, 120, 5, schedule_id=schedule)
        described = (await handle.describe()).schedule
        assert described.spec.intervals[0].every == timedelta(seconds=120)
        assert described.spec.jitter == timedelta(seconds=5)
        assert described.state.paused
    finally:
        await connected.get_schedule_handle(schedule).delete()


async def test_the_schedule_refreshes(connected: Client, queue: str, field: Field) -> None:
    field.servers = ("a",)
    schedule = unique("schedule")
    assert await ensure_refresh_schedule(connected, queue, 300, 0, schedule_id=schedule)
    handle = connected.get_schedule_handle(schedule)
    try:
        await handle.trigger()
        async with asyncio.timeout(20):
            while not field.most:
                await asyncio.sleep(0.05)
    finally:
        await handle.delete()


async def test_no_schedule_is_no_reason_not_to_start(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    nowhere: Any = settings.model_copy(update={"temporal_address": "127.0.0.1:9"})
    lazy = await temporal.connect(nowhere, lazy=True)
    assert not await ensure_refresh_schedule(lazy, "nobody")
    assert "not refreshed by schedule" in caplog.text
