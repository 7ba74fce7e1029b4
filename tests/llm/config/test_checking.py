"""Checks of accounts, by the real adapters at the simulated provider: who is parked, who comes back, who stays."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import pool_checks
from activities.pool_checks import AdapterPoolChecks, finding_of
from contracts.pool_checks import CheckAccounts, CheckedAccount, CheckedAccounts
from domain.account_checks import Finding
from domain.errors import ModelCredentialDead, ModelError, ModelUnavailable, Unavailable
from domain.model_pool import Dialect
from services.llm.adapters.factory import open_adapters
from services.llm.admin import NewCredential
from services.llm.chat import Adapter
from services.llm.config import checking
from services.llm.config.checking import Checked
from services.llm.pool.catalogue import Catalogue
from services.storage.database import Database
from services.storage.driver import Row
from services.vault.vault import Vault
from tests.llm.config.stage import ANNA, Stage, account, credential, provider


@dataclass(frozen=True)
class Checks:
    """The activity over the stage, and the provider that it asks."""

    stage: Stage
    activity: AdapterPoolChecks
    url: str
    control: httpx.AsyncClient

    async def run(self, account_id: str | None = None) -> CheckedAccounts:
        return await ActivityEnvironment().run(self.activity.check_accounts, CheckAccounts(account=account_id))

    async def one(self, account_id: str) -> CheckedAccount:
        found = (await self.run(account_id)).one
        assert found is not None
        return found

    async def fault(self, key: str, fault: Mapping[str, Any], times: int | None = None) -> None:
        """Have the provider's lists of models go wrong for a key."""
        rule = {"match": {"key": key, "kind": "models"}, "fault": fault, "times": times}
        answer = await self.control.post("/__sim/faults", json=[rule])
        assert answer.is_success, answer.text

    async def add(self, account_id: str = "a", dialect: Dialect = Dialect.OPENAI, **fields: Any) -> str:
        """Add an account with a key of its own at a provider of its own; returns the key."""
        key = f"sk-{secrets.token_hex(8)}"
        url = self.url if dialect is Dialect.OPENAI else self.url.replace("/v1", _BASES[dialect])
        await self.stage.admin.providers.create(ANNA, provider(f"p-{account_id}", dialect=dialect, base_url=url))
        await self.stage.admin.accounts.create(ANNA, account(account_id, f"p-{account_id}", **fields), credential(key))
        return key

    async def parked(self, account_id: str = "a") -> bool:
        return (await self.stage.admin.accounts.read((account_id,))).parked is not None

    async def park(self, account_id: str = "a", seconds_ago: float = 0) -> None:
        """Park an account, so long ago; its credential is older."""
        await self.stage.db.fetch(
            """UPDATE pool_account SET parked_at = now() - make_interval(secs => $2), parked_code = 'x',
            credential_set_at = now() - interval '1 day' WHERE id = $1""",
            *(account_id, seconds_ago),
        )


_BASES = {Dialect.ANTHROPIC: "/anthropic", Dialect.GEMINI: "/gemini/v1beta"}


@pytest_asyncio.fixture
async def checks(stage: Stage, simulator: str) -> AsyncIterator[Checks]:
    catalogue = Catalogue(stage.db, stage.vault)
    async with (
        open_adapters() as adapters,
        httpx.AsyncClient(base_url=simulator.removesuffix("/v1"), trust_env=False) as control,
    ):
        yield Checks(stage, AdapterPoolChecks(stage.db, catalogue, adapters), simulator, control)


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_good_credential_is_answered(checks: Checks, dialect: Dialect) -> None:
    await checks.add(dialect=dialect)
    found = await checks.one("a")
    assert (found.ok, found.error, found.parked) == (True, None, False)
    assert found.models > 0
    read = await checks.stage.admin.accounts.read(("a",))
    assert read.checked_at is not None
    assert read.check_error is None


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_a_dead_credential_is_parked_and_announced(
    checks: Checks, dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    key = await checks.add(dialect=dialect)
    await checks.fault(key, {"status": 401})
    version = await checks.stage.version()
    found = await checks.run()
    assert (found.checked, found.failed, found.parked, found.one) == (1, 1, ("a",), None)
    parked = (await checks.stage.admin.accounts.read(("a",))).parked
    assert parked is not None
    assert parked.code == "model_credential_dead"
    assert "401" in parked.note
    assert ("checks", "park", "account", "a") in await checks.stage.audit()
    assert "pool account a is parked" in caplog.text
    assert await checks.stage.version() == version + 1
    assert [each.id for each in (await checks.stage.admin.standing()).parked_accounts] == ["a"]
    assert key not in caplog.text + await checks.stage.everything() + repr(found)


async def test_it_is_parked_once(checks: Checks) -> None:
    key = await checks.add()
    await checks.fault(key, {"status": 401})
    await checks.run()
    version = await checks.stage.version()
    found = await checks.run()
    assert (found.failed, found.parked) == (1, ())
    assert await checks.stage.version() == version


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 429}, {"status": 403}, {"status": 404}, {"raw": {"body": "<html>", "status": 200}}],
)
async def test_what_says_nothing_of_the_credential_parks_nobody(checks: Checks, fault: Mapping[str, Any]) -> None:
    key = await checks.add()
    await checks.fault(key, fault)
    found = await checks.one("a")
    assert (found.ok, found.parked) == (False, False)
    assert found.error
    assert (await checks.stage.admin.accounts.read(("a",))).check_error == found.error


async def test_a_parked_account_that_is_answered_again_comes_back(
    checks: Checks, caplog: pytest.LogCaptureFixture
) -> None:
    key = await checks.add()
    await checks.fault(key, {"status": 401}, times=2)
    caplog.set_level(logging.INFO)
    assert (await checks.run()).parked == ("a",)
    assert (await checks.run()).unparked == ()
    assert (await checks.run()).unparked == ("a",)
    assert not await checks.parked()
    assert ("checks", "unpark", "account", "a") in await checks.stage.audit()
    assert "pool account a is in use again" in caplog.text


async def test_one_that_is_parked_again_and_again_waits_longer(checks: Checks) -> None:
    await checks.add()
    for seconds_ago, comes_back in ((0, True), (59, False), (61, True), (100, False), (121, True)):
        await checks.park(seconds_ago=seconds_ago)
        assert bool((await checks.run()).unparked) is comes_back


async def test_a_new_credential_ends_the_waiting(checks: Checks) -> None:
    await checks.add()
    for _ in range(3):
        await checks.park(seconds_ago=1000)
        await checks.run()
    await checks.park(seconds_ago=5)
    assert (await checks.run()).unparked == ()
    await checks.stage.admin.accounts.replace(ANNA, account("a", "p-a"), credential("sk-new"), None)
    assert await checks.parked()
    assert (await checks.run()).unparked == ("a",)


async def test_a_check_that_was_overtaken_by_a_change_parks_nobody(checks: Checks) -> None:
    await checks.add()
    (due,) = await checking.due(checks.stage.db, "a")
    await checks.stage.admin.accounts.replace(ANNA, account("a", "p-a"), credential("sk-new"), None)
    await checking.learn(checks.stage.db, due, Checked(Finding.CREDENTIAL_DEAD, "the old one is dead"))
    read = await checks.stage.admin.accounts.read(("a",))
    assert (read.parked, read.check_error) == (None, None)


async def test_disabled_accounts_and_providers_are_left_alone_unless_asked_for(checks: Checks) -> None:
    for name in "abc":
        await checks.add(name)
    await checks.stage.admin.accounts.switch(ANNA, ("a",), disabled=True)
    await checks.stage.admin.providers.switch(ANNA, ("p-b",), disabled=True)
    assert (await checks.run()).checked == 1
    assert (await checks.one("a")).ok


async def test_the_longest_unchecked_come_first(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "DUE_LIMIT", 2)
    for name in "abc":
        await checks.add(name)
    await checks.run()
    await checks.run()
    times = [(await checks.stage.admin.accounts.read((name,))).checked_at for name in "abc"]
    assert None not in times


async def test_an_account_that_nobody_can_open_is_told(checks: Checks) -> None:
    await checks.add()
    stranger = Vault({"k2": b"2" * 32}, active="k2").seal(b"x", bound_to="pool_account/a")
    await checks.stage.db.fetch("UPDATE pool_account SET credential = $1", stranger)
    found = await checks.one("a")
    assert found.error == "the credential cannot be opened with the master keys at hand"
    assert not await checks.parked()


async def test_an_account_without_a_credential_is_tried_without(checks: Checks) -> None:
    await checks.add()
    await checks.stage.admin.accounts.replace(ANNA, account("a", "p-a"), NewCredential(None), None)
    assert (await checks.one("a")).ok


async def test_an_unknown_account_is_an_error(checks: Checks) -> None:
    with pytest.raises(ApplicationError, match="there is no such account"):
        await checks.run("nobody")


async def test_few_are_asked_at_a_time_and_each_within_its_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an adapter of the test's own: it counts, and never answers."""
    monkeypatch.setattr(pool_checks, "CALL_S", 0.05)

    class Silent:
        asking = most = 0

        async def models(self, target: object) -> tuple[str, ...]:
            del target
            self.asking += 1
            self.most = max(self.most, self.asking)
            try:
                await asyncio.Event().wait()
            finally:
                self.asking -= 1
            return ()

    silent: Any = Silent()
    adapters: Mapping[Dialect, Adapter] = {Dialect.OPENAI: silent}
    await stage.admin.providers.create(ANNA, provider())
    for n in range(pool_checks.AT_ONCE * 2):
        await stage.admin.accounts.create(ANNA, account(f"a{n}"), None)
    checks = AdapterPoolChecks(stage.db, Catalogue(stage.db, stage.vault), adapters)
    found = await ActivityEnvironment().run(checks.check_accounts, CheckAccounts())
    assert (found.checked, found.failed, silent.most) == (32, 32, pool_checks.AT_ONCE)
    assert (await stage.admin.accounts.read(("a0",))).check_error == "the provider did not answer within 0.05 s"


async def test_a_check_during_an_outage_is_repeated(checks: Checks, pool_url: str) -> None:
    """The database goes away when the first result is to be noted."""

    class Cut(Database):
        async def fetch(self, query: str, *parameters: object) -> list[Row]:
            if query.startswith("UPDATE pool_account SET checked_at"):
                raise Unavailable("the database does not answer")
            return await super().fetch(query, *parameters)

    await checks.add("a")
    await checks.add("b")
    cut = Cut(pool_url)
    async with open_adapters() as adapters:
        activity = AdapterPoolChecks(cut, Catalogue(cut, checks.stage.vault), adapters)
        with pytest.raises(ApplicationError) as error:
            await ActivityEnvironment().run(activity.check_accounts, CheckAccounts())
    await cut.close()
    assert (error.value.type, error.value.non_retryable) == ("Unavailable", False)
    assert (await checks.run()).checked == 2


@pytest.mark.parametrize(
    ("error", "finding"),
    [
        (ModelCredentialDead("the model provider answered 401 (invalid_api_key)"), Finding.CREDENTIAL_DEAD),
        (ModelCredentialDead("the model provider answered 402"), Finding.CREDENTIAL_DEAD),
        (ModelCredentialDead("the model provider answered 403 (permission_error)"), Finding.NOTHING),
        (ModelUnavailable("the model provider answered 503"), Finding.NOTHING),
    ],
)
def test_a_credential_that_may_not_list_models_is_not_dead(error: ModelError, finding: Finding) -> None:
    assert finding_of(error) is finding
