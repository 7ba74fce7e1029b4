"""The programs under measurement do the work they are measured by. Tiny counts; no figure is asserted."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from bench import lineup
from bench.handwritten import STEPS, Activities, Shape
from bench.handwritten_worker import build_worker
from bench.histories import footprint, middle
from bench.passes import run_pass
from bench.programs import HandWritten


@pytest_asyncio.fixture(scope="module")
async def task_queue(temporal_address: str, simulator: str) -> AsyncIterator[str]:
    """The task queue of a running hand-written worker."""
    name = f"bench-{uuid4().hex}"
    activities = Activities(f"{simulator}/")
    async with build_worker(await Client.connect(temporal_address), name, activities):
        yield name
    await activities.close()


@pytest.mark.parametrize("shape", lineup.SHAPES)
async def test_every_shape_of_the_hand_written_program_ends(
    temporal_address: str, task_queue: str, shape: Shape
) -> None:
    client = await Client.connect(temporal_address)
    sample = await HandWritten(client, task_queue, shape, "http").run()
    assert 0 < sample.accepted_s <= sample.total_s


async def test_children_are_counted_apart_from_their_parent(temporal_address: str, task_queue: str) -> None:
    client = await Client.connect(temporal_address)
    sample = await HandWritten(client, task_queue, "children", "instant").run()
    found = await footprint(client, sample.workflow_id)
    assert found.workflows == 1 + STEPS
    assert found.all_events > found.events > 0
    assert found.all_bytes > found.bytes > 0
    assert found.transitions > found.workflow_tasks > STEPS
    assert middle([found, found]) == found


async def test_a_pass_runs_every_request_once(temporal_address: str, task_queue: str) -> None:
    client = await Client.connect(temporal_address)
    ticks: list[None] = []
    program = HandWritten(client, task_queue, "local activities", "instant")
    passed = await run_pass(program, 5, 2, lambda: ticks.append(None))
    assert len(ticks) == 5
    assert len({sample.workflow_id for sample in passed.samples}) == 5
    assert passed.per_s > 0
