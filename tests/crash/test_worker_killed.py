"""SIGKILL of the worker at random moments of a request: it ends once, resumes in time, and asks for nothing twice."""

import asyncio
import json
import random
import time

import pytest

from tests.crash.machine import RESUME_WITHIN_S, Machine
from tests.workflows.product import Json, Product, eventually

MESSAGE = "Summarise the moon. List three planets. Name four seas. Then compare them."
CHUNK_S = 0.15


async def slow_request(product: Product) -> tuple[str, float]:
    """Start a request whose answers drip; return its id and about how long it takes."""
    await product.fault({"chunk_delay_s": CHUNK_S}, task="step")
    await product.fault({"delay_s": 0.4})
    return await product.submit(MESSAGE), 5.0


async def check_one_end(machine: Machine, product: Product, request_id: str) -> None:
    """Check that the request is done, by one end, in a gapless log, with each cost counted once."""
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    events = await product.events(request_id)
    assert [int(event["id"]) for event in events] == list(range(1, len(events) + 1))
    assert [event["event"] for event in events].count("request.finished") == 1
    costs = [json.loads(event["data"])["micros"] for event in events if event["event"] == "cost"]
    assert sum(costs) == ended["cost_micros"]
    await machine.check_asked_once(product, request_id)


async def last_sign(product: Product, request_id: str) -> tuple[int, int]:
    """Return what shows that work goes on: the log's length and the number of model calls."""
    seen: Json = await product.get(request_id)
    return seen["last_seq"], len(await product.calls())


async def kill_and_time(machine: Machine, product: Product, request_id: str) -> float:
    """Kill the worker; return after how many seconds work goes on."""
    machine.supervisor.kill("worker")
    killed = time.monotonic()
    before = await last_sign(product, request_id)

    async def goes_on() -> bool:
        return await last_sign(product, request_id) != before

    await eventually(goes_on, within_s=30)
    return time.monotonic() - killed


@pytest.mark.parametrize("seed", range(10))
async def test_killed_worker_loses_nothing_and_asks_nothing_twice(
    machine: Machine, product: Product, seed: int
) -> None:
    request_id, lasts_s = await slow_request(product)
    await asyncio.sleep(random.Random(seed).uniform(0.05, 0.8) * lasts_s)
    if (await product.get(request_id))["phase"] != "done":
        assert await kill_and_time(machine, product, request_id) <= RESUME_WITHIN_S
    await check_one_end(machine, product, request_id)


@pytest.mark.long
async def test_ten_kills_in_one_request(machine: Machine, product: Product) -> None:
    dice = random.Random(42)
    request_id, _ = await slow_request(product)
    for _ in range(10):
        await asyncio.sleep(dice.uniform(0.05, 2.0))
        if (await product.get(request_id))["phase"] == "done":
            break
        assert await kill_and_time(machine, product, request_id) <= RESUME_WITHIN_S
    await check_one_end(machine, product, request_id)
