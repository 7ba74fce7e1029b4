"""Settings over HTTP: what may be is set and holds everywhere, what may not is refused with what may."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.parts import Parts
from domain.errors import Unavailable
from domain.live_settings import NAMES
from services.storage.event_reader import EventReader
from services.storage.live_settings import LiveSettings
from tests.api.governance.conftest import Callers
from tests.api.served import serving

HURRY = {"value": 45, "why": "the year's audit"}


async def test_all_settings_are_listed_with_where_they_come_from(api: httpx.AsyncClient) -> None:
    listed = {each["name"]: each for each in (await api.get("/v1/settings")).json()["settings"]}
    assert tuple(listed) == NAMES
    assert (listed["log_keep_days"]["value"], listed["log_keep_days"]["source"]) == (11, "environment")
    assert (listed["call_keep_days"]["value"], listed["call_keep_days"]["source"]) == (30, "default")
    assert listed["placement"]["allowed"]["enum"] == ["auto", "child", "inline"]


async def test_a_setting_is_changed_and_taken_back(api: httpx.AsyncClient) -> None:
    before = (await api.get("/v1/settings/log_keep_days")).json()["revision"]
    changed = await api.put("/v1/settings/log_keep_days", json=HURRY)
    assert changed.status_code == 200
    assert changed.headers["ETag"] == f'"{before + 1}"'
    told = changed.json()
    assert (told["value"], told["default"], told["source"], told["why"]) == (45, 11, "database", "the year's audit")
    assert told["changed_by"] == "local"
    assert (await api.get("/v1/settings/log_keep_days")).json() == told
    reset = (await api.delete("/v1/settings/log_keep_days", params={"why": "over"})).json()
    assert (reset["value"], reset["source"], reset["revision"], reset["why"]) == (11, "environment", before + 2, "over")


async def test_another_process_goes_by_a_change_within_two_seconds(api: httpx.AsyncClient, settled: Parts) -> None:
    other = LiveSettings(settled.database)
    await other.start()
    async with serving(replace(settled, reader=EventReader(settled.database), settings=other)):
        await api.put("/v1/settings/result_cache", json={"value": False})
        async with asyncio.timeout(2):
            while other.values.result_cache:
                await asyncio.sleep(0.01)
    await other.close()


async def test_the_process_that_is_told_goes_by_it_at_once(api: httpx.AsyncClient, settled: Parts) -> None:
    await api.put("/v1/settings/placement", json={"value": "inline"})
    await api.put("/v1/settings/default_model", json={"value": "large"})
    await api.put("/v1/settings/webhook_allow_private", json={"value": True})
    await api.put("/v1/settings/request_max_steps", json={"value": 5})
    current = settled.current
    assert (current.placement, current.default_model, current.private_webhooks) == ("inline", "large", True)
    assert settled.values.caps.max_steps == 5


class Deaf(LiveSettings):
    """What a process has whose database went away just after a change."""

    async def refresh(self) -> None:
        raise Unavailable("the database does not answer")


async def test_a_change_that_was_made_is_answered_though_it_cannot_be_read_again(settled: Parts) -> None:
    deaf = Deaf(settled.database)
    async with serving(replace(settled, reader=EventReader(settled.database), settings=deaf)) as api:
        changed = await api.put("/v1/settings/lease_keep_days", json={"value": 8})
        assert (changed.status_code, changed.json()["value"]) == (200, 8)


async def test_a_change_for_another_revision_is_refused(api: httpx.AsyncClient) -> None:
    tag = (await api.put("/v1/settings/pool_check_s", json={"value": 20})).headers["ETag"]
    changes = [
        api.put("/v1/settings/pool_check_s", json={"value": 30 + n}, headers={"If-Match": tag}) for n in range(4)
    ]
    statuses = sorted(each.status_code for each in await asyncio.gather(*changes))
    assert statuses == [200, 412, 412, 412]
    stale = await api.delete("/v1/settings/pool_check_s", headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    bad = await api.delete("/v1/settings/pool_check_s", headers={"If-Match": "x"})
    assert bad.status_code == 400


async def test_an_earlier_revision_is_taken_again(api: httpx.AsyncClient) -> None:
    first = (await api.put("/v1/settings/request_window", json={"value": 3, "why": "a"})).json()["revision"]
    await api.put("/v1/settings/request_window", json={"value": 4, "why": "b"})
    back = await api.post("/v1/settings/request_window/revert", json={"revision": first, "why": "c"})
    assert (back.json()["value"], back.json()["revision"]) == (3, first + 2)
    page = (await api.get("/v1/settings/request_window/versions", params={"limit": 2})).json()
    assert [(each["value"], each["why"]) for each in page["versions"]] == [(3, "c"), (4, "b")]
    older = await api.get("/v1/settings/request_window/versions", params={"before": page["before"]})
    assert older.json()["versions"][0]["revision"] == first
    unknown = await api.post("/v1/settings/request_window/revert", json={"revision": 10**6})
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"value": 0}, "log_keep_days must be a whole number from 2 to 3650"),
        ({"value": "30"}, "log_keep_days must be a whole number from 2 to 3650"),
        ({"value": {"a": [1]}}, "must be a whole number"),
        ({}, "value"),
        ({"value": 30, "revision": 9}, "revision"),
        ({"value": 30, "why": "x" * 501}, "why"),
        ({"value": 30, "why": "\u0007"}, "why"),
    ],
)
async def test_a_bad_value_is_refused_with_what_may_be(api: httpx.AsyncClient, body: dict[str, Any], said: str) -> None:
    refused = await api.put("/v1/settings/log_keep_days", json=body)
    assert refused.status_code == 422
    assert said in refused.text


@pytest.mark.parametrize("name", ["nothing", "master_keys", "LOG_KEEP_DAYS", "%00", "model_fields", "x" * 90])
async def test_an_unknown_setting_is_not_found(api: httpx.AsyncClient, name: str) -> None:
    path = f"/v1/settings/{name}"
    answers = [
        await api.get(path),
        await api.put(path, json={"value": 1}),
        await api.delete(path),
        await api.get(f"{path}/versions"),
        await api.post(f"{path}/revert", json={"revision": 1}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5


async def test_settings_are_the_operating_tenants(api: httpx.AsyncClient, callers: Callers) -> None:
    reads_only = callers.auditor("default")
    assert (await api.get("/v1/settings", headers=reads_only)).status_code == 200
    for method, path in (("PUT", "log_keep_days"), ("DELETE", "log_keep_days"), ("POST", "log_keep_days/revert")):
        refused = await api.request(method, f"/v1/settings/{path}", headers=reads_only, json=HURRY)
        assert refused.status_code == 403, path
