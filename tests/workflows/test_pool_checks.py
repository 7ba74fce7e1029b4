"""Checks of accounts as workflows: by hand, after a change, by the schedule; no credential in any history."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.worker import Worker

from activities.pool_checks import AdapterPoolChecks
from composition.workers import sandbox
from contracts.pool_checks import CHECK_ACCOUNTS, CheckAccounts, CheckedAccounts
from runtime import temporal
from runtime.schedules import ensure_check_schedule
from runtime.settings import Settings
from services.llm.adapters.factory import open_adapters
from services.llm.pool.catalogue import Catalogue
from services.storage.database import Database
from tests.api.pool_desk import SECRET, VAULT, PoolDesk, pool_desk
from tests.llm.config.pool_database import own_database
from tests.workflows.product import eventually
from workflows.registry import WORKFLOWS


@dataclass(frozen=True)
class Checks:
    """An API, a worker that checks for it, and the provider that both know."""

    desk: PoolDesk
    client: Client
    queue: str
    url: str
    control: httpx.AsyncClient

    async def fault(self, key: str, **fault: Any) -> None:
        rule = {"match": {"key": key, "kind": "models"}, "fault": fault}
        answer = await self.control.post("/__sim/faults", json=[rule])
        assert answer.is_success, answer.text

    async def histories(self) -> str:
        """Return every history of this queue's workflows as one text."""
        found = [each async for each in self.client.list_workflows(f"TaskQueue = '{self.queue}'")]
        texts: list[str] = []
        for each in found:
            history = await self.client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
            texts.append(history.to_json())
        return "\n".join(texts)


@pytest_asyncio.fixture(scope="module")
async def connected(settings: Settings, temporal_address: str) -> Client:
    return await temporal.connect(settings.model_copy(update={"temporal_address": temporal_address}))


@pytest_asyncio.fixture(scope="module")
async def checks(connected: Client, database_url: str, simulator: str) -> AsyncIterator[Checks]:
    queue = f"pool-{secrets.token_hex(4)}"
    async with own_database(database_url) as url, open_adapters() as adapters:
        db = Database(url)
        activity = AdapterPoolChecks(db, Catalogue(db, VAULT), adapters)
        async with (
            Worker(
                connected,
                task_queue=queue,
                workflows=WORKFLOWS,
                activities=[activity.check_accounts],
                workflow_runner=sandbox(),
            ),
            pool_desk(db, connected, queue) as desk,
            httpx.AsyncClient(base_url=simulator.removesuffix("/v1"), trust_env=False) as control,
        ):
            yield Checks(desk, connected, queue, simulator, control)
        await db.close()


@pytest_asyncio.fixture
async def provider(checks: Checks) -> str:
    """A provider of the test's own."""
    return await checks.desk.provider(secrets.token_hex(3), base_url=checks.url)


def unique() -> str:
    return secrets.token_hex(4)


async def test_an_admin_tests_a_credential_and_hears_the_result(checks: Checks, provider: str) -> None:
    account = (await checks.desk.account(provider, unique()))["id"]
    said = await checks.desk.ask("POST", f"/accounts/{account}/test")
    assert said["finished"] is True
    assert said["result"]["models"] > 0
    assert (said["result"]["account"], said["result"]["ok"], said["result"]["error"]) == (account, True, None)


async def test_a_dead_credential_is_told_and_parked_and_a_new_one_is_tried_at_once(
    checks: Checks, provider: str
) -> None:
    key = f"sk-{unique()}"
    await checks.fault(key, status=401)
    made = await checks.desk.account(provider, unique(), credential=key)
    path = f"/accounts/{made['id']}"

    async def is_parked() -> bool:
        return (await checks.desk.ask("GET", path))["parked"] is not None

    async def is_in_use() -> bool:
        return not await is_parked()

    await eventually(is_parked)
    said = (await checks.desk.ask("POST", f"{path}/test"))["result"]
    assert (said["ok"], said["parked"]) == (False, True)
    assert "401" in said["error"]
    await checks.desk.ask("PUT", path, json={"id": made["id"], "provider_id": provider, "credential": f"sk-{unique()}"})
    await eventually(is_in_use)
    assert key not in await checks.histories()


async def test_a_test_that_takes_too_long_goes_on(
    checks: Checks, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pool_workflows.WAIT_S", 0.3)
    key = f"sk-{unique()}"
    await checks.fault(key, delay_s=3)
    account = (await checks.desk.account(provider, unique(), credential=key))["id"]
    said = await checks.desk.ask("POST", f"/accounts/{account}/test", 202)
    assert said == {"finished": False, "result": None}

    async def is_checked() -> bool:
        return (await checks.desk.ask("GET", f"/accounts/{account}"))["checked_at"] is not None

    await eventually(is_checked)


async def test_all_accounts_are_checked_and_counted(checks: Checks, provider: str) -> None:
    dead = f"sk-{unique()}"
    await checks.fault(dead, status=401)
    await checks.desk.account(provider, unique(), disabled=True)
    await checks.desk.account(provider, unique())
    account = (await checks.desk.account(provider, unique(), credential=dead, disabled=True))["id"]
    await checks.desk.ask("PATCH", f"/accounts/{account}", json={"disabled": False})
    found: CheckedAccounts = await checks.client.execute_workflow(
        CHECK_ACCOUNTS,
        CheckAccounts(),
        id=f"check-{unique()}",
        task_queue=checks.queue,
        result_type=CheckedAccounts,
    )
    assert found.parked == (account,)
    assert found.checked >= 2
    assert found.one is None
    assert SECRET not in await checks.histories()


async def test_the_schedule_checks_by_itself(checks: Checks, provider: str) -> None:
    account = (await checks.desk.account(provider, unique(), disabled=True))["id"]
    await checks.desk.ask("PATCH", f"/accounts/{account}", json={"disabled": False})
    schedule_id = f"check-{unique()}"
    assert await ensure_check_schedule(checks.client, checks.queue, 3600, schedule_id=schedule_id)
    assert await ensure_check_schedule(checks.client, checks.queue, 7200, schedule_id=schedule_id)
    schedule = checks.client.get_schedule_handle(schedule_id)
    try:
        (interval,) = (await schedule.describe()).schedule.spec.intervals
        assert interval.every.total_seconds() == 7200
        await schedule.trigger()

        async def is_checked() -> bool:
            return (await checks.desk.ask("GET", f"/accounts/{account}"))["checked_at"] is not None

        await eventually(is_checked)
    finally:
        await schedule.delete()


async def test_an_unknown_account_ends_the_check_at_once(checks: Checks) -> None:
    with pytest.raises(Exception, match="Workflow execution failed"):
        await checks.client.execute_workflow(
            CHECK_ACCOUNTS, CheckAccounts(account="nobody"), id=f"check-{unique()}", task_queue=checks.queue
        )
