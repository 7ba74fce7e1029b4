import asyncio
import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from contracts.fairness import fair_priority

FLOOD = 60
OTHERS = 5


@activity.defn(name="limits_take_turn")
async def take_turn() -> str:
    """Tell whose turn it is, as the server told this activity."""
    return activity.info().priority.fairness_key or ""


@workflow.defn(name="LimitsTurn", sandboxed=False)
class Turn:
    """One activity, which says nothing of its own about priority."""

    @workflow.run
    async def run(self) -> str:
        """Run it."""
        return await workflow.execute_activity(take_turn, start_to_close_timeout=timedelta(seconds=10))


async def test_one_tenants_flood_does_not_starve_another(temporal_client: Client) -> None:
    queue = f"fair-{secrets.token_hex(4)}"
    ends: list[str] = []

    async def one(tenant: str) -> None:
        handle = await temporal_client.start_workflow(
            Turn.run, id=f"{queue}-{secrets.token_hex(8)}", task_queue=queue, priority=fair_priority(3, tenant)
        )
        started.append(tenant)
        ends.append(await handle.result())

    started: list[str] = []
    async with asyncio.TaskGroup() as flood:
        flooding = [flood.create_task(one("ten_flood")) for _ in range(FLOOD)]
        await _until(lambda: len(started) == FLOOD)
        quiet = [flood.create_task(one("ten_quiet")) for _ in range(OTHERS)]
        await _until(lambda: len(started) == FLOOD + OTHERS)
        worker = Worker(
            temporal_client,
            task_queue=queue,
            workflows=[Turn],
            activities=[take_turn],
            max_concurrent_activities=1,
            max_concurrent_workflow_tasks=2,
            max_concurrent_workflow_task_polls=2,
            max_concurrent_activity_task_polls=1,
        )
        async with worker:
            await asyncio.wait({*flooding, *quiet})

    assert len(ends) == FLOOD + OTHERS
    last_of_the_quiet = max(place for place, tenant in enumerate(ends) if tenant == "ten_quiet")
    assert last_of_the_quiet < FLOOD / 2, ends


@pytest.mark.parametrize("tenant", ["default", "ten_" + "0" * 32, "ä" * 60])
def test_a_key_is_as_long_as_the_server_takes(tenant: str) -> None:
    key = fair_priority(2, tenant).fairness_key or ""
    assert tenant.startswith(key)
    assert 0 < len(key.encode()) <= 64


async def _until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():
            await asyncio.sleep(0.02)
