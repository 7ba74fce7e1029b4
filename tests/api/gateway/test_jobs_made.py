"""Jobs from 202 to their end, with the real worker: in order of priority, told by webhook, ended when cancelled."""

import json
import random
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from domain.model_pool import Limit, LimitKind
from runtime.settings import Settings
from tests.api.gateway.yard import SLOTS, Yard, working_yard
from tests.net.receiver import SECRET, SLOW, Receiver, is_signed, receiving
from tests.workflows.product import WITHIN_S

QUEUED = 120


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def _yard(served_settings: Settings, client: Client, simulator: str) -> AsyncIterator[Yard]:
    async with working_yard(served_settings, client, simulator) as running:
        yield running


@pytest_asyncio.fixture
async def yard(_yard: Yard) -> Yard:
    return await _yard.with_route()


async def test_a_job_is_made_and_its_end_is_told(yard: Yard, receiver: Receiver) -> None:
    await yard.fault({"answer": "Paris"})
    url = receiver.hook(500, 200)
    job = await yard.job("What is the capital?", webhook={"url": url, "content": True})
    done = await yard.read_when(job, "done")
    assert done["answer"]["choices"][0]["message"]["content"] == "Paris"
    webhook = await yard.told(job)
    assert (webhook["state"], webhook["attempts"], webhook["status"]) == ("delivered", 2, 200)
    first, second = receiver.at(url)
    assert first.body == second.body
    assert is_signed(second, SECRET)
    data = json.loads(second.body)["data"]
    assert (data["id"], data["status"]) == (job, "done")
    assert data["answer"]["choices"][0]["message"]["content"] == "Paris"
    assert data["cost_micros"] == done["cost_micros"]


async def test_a_job_that_fails_is_told_so(yard: Yard, receiver: Receiver) -> None:
    await yard.fault({"status": 400, "body": {"error": {"message": "bad", "type": "invalid_request_error"}}})
    url = receiver.hook(204)
    job = await yard.job(webhook={"url": url})
    failed = await yard.read_when(job, "failed")
    assert (await yard.told(job))["state"] == "delivered"
    data = json.loads(receiver.at(url)[0].body)["data"]
    assert (data["status"], data["error"]["code"]) == ("failed", failed["error"]["code"])


async def test_a_receiver_that_does_not_answer_holds_up_no_job(yard: Yard, receiver: Receiver) -> None:
    first = await yard.job(webhook={"url": receiver.hook(SLOW)})
    await yard.read_when(first, "done")
    await yard.read_when(await yard.job(), "done")
    assert (await yard.read(first))["webhook"]["state"] == "waiting"


async def test_jobs_wait_for_capacity_where_calls_would_get_a_429(yard: Yard) -> None:
    limited = await yard.with_route((Limit(kind=LimitKind.REQUESTS, amount=1, window_s=1),))
    jobs = await limited.jobs([3, 3, 3])
    await limited.until_ended(jobs, WITHIN_S)
    assert {(await limited.read(job))["status"] for job in jobs} == {"done"}
    refused = await limited.job(wait_s=0)
    ended = await limited.read_when(refused, "failed")
    assert ended["error"]["code"] == "rate_limit_exceeded"


async def test_a_queued_job_can_be_cancelled_and_is_never_made(yard: Yard, receiver: Receiver) -> None:
    url = receiver.hook(200)
    async with yard.blocked():
        job = await yard.job(webhook={"url": url})
        assert (await yard.read(job))["status"] == "queued"
        await yard.cancel(job)
        await yard.read_when(job, "cancelled")
        assert (await yard.told(job))["state"] == "delivered"
    assert json.loads(receiver.at(url)[0].body)["data"]["status"] == "cancelled"
    assert await yard.made([job]) == []


async def test_queued_jobs_are_made_in_order_of_priority_each_once(yard: Yard) -> None:
    await drained(yard, QUEUED, 60)


@pytest.mark.long
async def test_ten_thousand_queued_jobs_are_made_in_order_of_priority_each_once(yard: Yard) -> None:
    await drained(yard, 10_000, 3000)


async def drained(yard: Yard, count: int, within_s: float) -> None:
    priorities = random.Random(5).choices(range(1, 6), k=count)
    async with yard.blocked():
        jobs = await yard.jobs(priorities)
        await yard.until_queued(count, within_s)
    await yard.until_ended(jobs, within_s)
    of = dict(zip(jobs, priorities, strict=True))
    made = [of[job] for job in await yard.made(jobs)]
    assert sorted(made) == (wanted := sorted(priorities)), "each was made once"
    for place, priority in enumerate(made):  # those that are made side by side may begin in any order
        assert wanted[max(place - SLOTS, 0)] <= priority <= wanted[min(place + SLOTS, count - 1)]
    assert len(await yard.calls()) == count + SLOTS
