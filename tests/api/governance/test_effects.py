"""What a setting says is done: by the API for what begins now, by workers for schedules, webhooks and models."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client

from api.parts import Parts
from composition.services import Services
from contracts.names import RequestInput
from domain.errors import Unavailable
from domain.live_settings import LiveValues
from domain.placement import Placement
from runtime import schedules
from runtime.housekeeping import HouseKeeping
from runtime.local.ports import free_port
from services.storage.event_reader import EventReader
from tests.api.gateway.maker import Maker, ScriptedModels, model
from tests.api.served import serving

LIVE_WITHIN_S = 2.0
CHAT = "/v1/chat/completions"
SCHEDULES = (
    schedules.REFRESH_SCHEDULE,
    schedules.CHECK_SCHEDULE,
    schedules.PURGE_SCHEDULE,
    schedules.LEDGER_CHECK_SCHEDULE,
    schedules.RECONCILE_SCHEDULE,
)


async def put(api: httpx.AsyncClient, name: str, value: object) -> None:
    answer = await api.put(f"/v1/settings/{name}", json={"value": value})
    assert answer.status_code == 200, answer.text


async def until(condition: Callable[[], Awaitable[bool]], limit_s: float = LIVE_WITHIN_S) -> None:
    async with asyncio.timeout(limit_s):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def gate(settled: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """An API that has models, under the same settings."""
    async with serving(replace(settled, reader=EventReader(settled.database), pool=ScriptedModels())) as client:
        yield client


async def options_of(gate: httpx.AsyncClient, maker: Maker, name: str, **body: Any) -> dict[str, Any]:
    """Return what a call that nobody makes was accepted with."""
    asked = {"model": name, "messages": [{"role": "user", "content": "hi"}], **body}
    asking = asyncio.create_task(gate.post(CHAT, json=asked))
    call_id = await maker.call(name)
    asking.cancel()
    await asyncio.wait({asking})
    (row,) = await maker.db.fetch("SELECT options FROM request WHERE id = $1", call_id)
    options: dict[str, Any] = row["options"]
    return options


async def test_calls_that_begin_now_are_bound_and_cached_as_the_settings_say(
    api: httpx.AsyncClient, gate: httpx.AsyncClient, settled: Parts
) -> None:
    maker = Maker(settled.database, None)
    assert (await options_of(gate, maker, model("kept"))).get("cache_key") is not None
    await put(api, "call_timeout_s", 60)
    await put(api, "result_cache", value=False)
    options = await options_of(gate, maker, model("kept"))
    assert (options["timeout_s"], options.get("cache_key")) == (60, None)
    own = await options_of(gate, maker, model("kept"), longhaul={"timeout_s": 90})
    assert own["timeout_s"] == 90


async def test_requests_that_begin_now_have_the_bounds_of_the_settings(api: httpx.AsyncClient, client: Client) -> None:
    await put(api, "request_max_replans", 7)
    await put(api, "placement", "inline")
    accepted = (await api.post("/v1/requests", json={"message": "hi"})).json()
    handle = client.get_workflow_handle(accepted["id"])
    history = await handle.fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    (begun,) = await client.data_converter.decode(payloads, [RequestInput])
    assert (begun.caps.max_replans, begun.placement) == (7, Placement.INLINE)
    await handle.terminate()


async def test_a_worker_goes_by_a_change_within_two_seconds(api: httpx.AsyncClient, services: Services) -> None:
    name = f"large-{secrets.token_hex(4)}"
    assert not services.webhooks.allow_private
    await put(api, "webhook_allow_private", value=True)
    await put(api, "default_model", name)

    async def follows() -> bool:
        return services.webhooks.allow_private and services.default_model() == name

    await until(follows)
    await api.delete("/v1/settings/default_model")

    async def back() -> bool:
        return services.default_model() == "longhaul-sim"

    await until(back)


async def test_schedules_follow(client: Client) -> None:
    house = HouseKeeping(client, f"nobody-{secrets.token_hex(4)}")

    async def intervals() -> list[timedelta]:
        described = [await client.get_schedule_handle(each).describe() for each in SCHEDULES]
        return [each.schedule.spec.intervals[0].every for each in described]

    try:
        values = LiveValues(
            tool_refresh_s=5000, pool_check_s=5001, purge_every_s=5002, ledger_check_s=5003, ledger_reconcile_s=5004
        )
        await house.keep(values)
        assert await intervals() == [timedelta(seconds=5000 + n) for n in range(5)]
        await client.get_schedule_handle(schedules.CHECK_SCHEDULE).delete()
        await house.keep(values.model_copy(update={"purge_every_s": 6000}))
        await house.keep(values.model_copy(update={"purge_every_s": 6000, "pool_check_s": 6001}))
        assert (await intervals())[1:3] == [timedelta(seconds=6001), timedelta(seconds=6000)]
    finally:
        for each in SCHEDULES:
            await client.get_schedule_handle(each).delete()


async def test_a_schedule_that_temporal_did_not_take_is_tried_again(client: Client) -> None:
    nobody = await Client.connect(f"127.0.0.1:{free_port()}", data_converter=client.data_converter, lazy=True)
    values = LiveValues(tool_refresh_s=5000)
    house = HouseKeeping(nobody, f"nobody-{secrets.token_hex(4)}")
    with pytest.raises(Unavailable, match="schedules could not be brought up to date: refresh, check, purge"):
        await house.keep(values)
    house = HouseKeeping(client, f"nobody-{secrets.token_hex(4)}")
    try:
        await house.keep(values)
    finally:
        for each in SCHEDULES:
            await client.get_schedule_handle(each).delete()


def test_without_live_settings_the_parts_are_as_they_were_made(idle_parts: Parts) -> None:
    assert idle_parts.current is idle_parts.deployment
    assert idle_parts.values == LiveValues()
