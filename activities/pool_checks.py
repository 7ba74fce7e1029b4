"""The PoolChecks port: a free call with each credential, a few at a time and each within its time."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from temporalio import activity

from activities.errors import Mapped
from activities.heartbeat import Beating
from contracts.pool_checks import CHECKS_S, CheckAccounts, CheckedAccount, CheckedAccounts, PoolChecks
from domain.account_checks import Finding, Verdict
from domain.errors import ModelCredentialDead, ModelError, NotFound, Unavailable
from domain.model_pool import Dialect
from services.llm.chat import Adapter
from services.llm.config import checking
from services.llm.config.checking import Checked, Due
from services.llm.pool.catalogue import AccountEntry, Catalogue
from services.storage.database import Database

AT_ONCE = 16
CALL_S = 8.0
"""Bound on one free call: who waits for its answer waits 10 s."""
NAMED = 100

_FORBIDDEN = re.compile(r"\banswered 403\b")
"""A credential that may not list models may well be good for calls."""


@dataclass
class _Round:
    """What a round of checks has found so far."""

    checked: int = 0
    failed: int = 0
    parked: list[str] = field(default_factory=list[str])
    unparked: list[str] = field(default_factory=list[str])
    one: CheckedAccount | None = None

    def result(self) -> CheckedAccounts:
        parked, unparked = tuple(self.parked[:NAMED]), tuple(self.unparked[:NAMED])
        return CheckedAccounts(checked=self.checked, failed=self.failed, parked=parked, unparked=unparked, one=self.one)


class AdapterPoolChecks(PoolChecks):
    """Checks with the adapters. `catalogue`: the process's copy of the pool, with credentials."""

    def __init__(self, db: Database, catalogue: Catalogue, adapters: Mapping[Dialect, Adapter]) -> None:
        self._db = db
        self._catalogue = catalogue
        self._adapters = adapters

    @activity.defn(name="check_accounts")
    async def check_accounts(self, request: CheckAccounts) -> CheckedAccounts:
        """Check accounts, park those whose credential is dead, and take back those that are answered again."""
        with Mapped():
            async with Beating():
                due = await checking.due(self._db, request.account)
                if request.account is not None and not due:
                    raise NotFound("there is no such account")
                await self._catalogue.refresh()
                return await self._round(due, alone=request.account is not None)

    async def _round(self, due: Sequence[Due], *, alone: bool) -> CheckedAccounts:
        found, turns, until = _Round(), asyncio.Semaphore(AT_ONCE), time.monotonic() + CHECKS_S
        outages: list[Unavailable] = []

        async def check(account: Due) -> None:
            async with turns:
                if outages or time.monotonic() >= until:
                    return
                try:
                    await self._check(account, found, alone=alone)
                except Unavailable as outage:  # a task group would wrap it, and Temporal could not tell what it is
                    outages.append(outage)

        async with asyncio.TaskGroup() as group:
            for account in due:
                group.create_task(check(account))
        if outages:
            raise outages[0]
        return found.result()

    async def _check(self, account: Due, found: _Round, *, alone: bool) -> None:
        entry = self._catalogue.snapshot.accounts.get(account.id)
        if entry is None:
            return
        models, checked = await self._call(entry)
        done = await checking.learn(self._db, account, checked)
        found.checked += 1
        found.failed += checked.finding is not Finding.ANSWERED
        if done is not Verdict.LEAVE:
            (found.parked if done is Verdict.PARK else found.unparked).append(account.id)
        if alone:
            parked = done is Verdict.PARK or (account.parked and done is not Verdict.UNPARK)
            ok = checked.finding is Finding.ANSWERED
            found.one = CheckedAccount(account=account.id, ok=ok, models=models, error=checked.error, parked=parked)

    async def _call(self, entry: AccountEntry) -> tuple[int, Checked]:
        """Return how many models a provider lists, and what that says."""
        if entry.unopened:
            return 0, Checked(Finding.NOTHING, "the credential cannot be opened with the master keys at hand")
        try:
            async with asyncio.timeout(CALL_S):
                models = await self._adapters[entry.target.dialect].models(entry.target)
        except TimeoutError:
            return 0, Checked(Finding.NOTHING, f"the provider did not answer within {CALL_S:g} s")
        except ModelError as error:
            return 0, Checked(finding_of(error), str(error))
        return len(models), Checked(Finding.ANSWERED)


def finding_of(error: ModelError) -> Finding:
    """Return what a failed free call says about the credential."""
    if isinstance(error, ModelCredentialDead) and not _FORBIDDEN.search(str(error)):
        return Finding.CREDENTIAL_DEAD
    return Finding.NOTHING
