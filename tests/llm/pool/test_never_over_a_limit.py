"""The pool's one promise: no account is over any limit in any window, whoever dies and however calls end."""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from domain.model_pool import Limit, LimitKind
from services.storage.database import Database
from services.storage.driver import Row
from tests.llm.pool.accounts import account, concurrency, requests, rows, tokens
from tests.llm.pool.caller_process import SIZE

W = 1.0
COMMITTED_WITHIN = timedelta(seconds=0.5)
"""That a call used more than it was reckoned with is seen once its end is committed."""
LIMITS = {
    "few calls": (requests(7, W),),
    "few at once": (concurrency(3),),
    "few tokens": (tokens(9 * SIZE, W),),
    "all of it": (requests(12, W), requests(20, 2.5), tokens(10 * SIZE, W), concurrency(5)),
}


@pytest.mark.parametrize("name", LIMITS)
async def test_callers_in_several_processes_one_of_them_killed(db: Database, database_url: str, name: str) -> None:
    accounts = [await account(db, *LIMITS[name]) for _ in range(2)]
    processes = [await _process(database_url, accounts, seed) for seed in range(3)]
    await asyncio.sleep(1.5)  # it is in the middle of its calls then
    processes[0].kill()
    told = [(await process.communicate())[0] for process in processes]
    assert [process.returncode for process in processes[1:]] == [0, 0]
    with_provider: dict[str, list[float]] = defaultdict(list)
    for line in b"".join(told).splitlines():
        where, _, at = json.loads(line)
        with_provider[where].append(at)
    for each in accounts:
        leases = await rows(db, each)
        assert len(leases) > 10, "they did call"
        for limit in LIMITS[name]:
            assert _over(leases, limit) == []
            if limit.kind is LimitKind.REQUESTS:
                assert _busiest(with_provider[each], limit.window_s) <= limit.amount


async def _process(url: str, accounts: list[str], seed: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.llm.pool.caller_process", url, ",".join(accounts), "8", "3.5", str(seed)),
        stdout=asyncio.subprocess.PIPE,
    )


def _over(leases: Sequence[Row], limit: Limit) -> list[str]:
    """Return the leases at whose taking the limit was exceeded, from the rows alone."""
    return [
        f"{lease['id']}: {used}"
        for lease in leases
        if (used := sum(_weight(other, limit, lease) for other in leases)) > limit.amount
    ]


def _weight(other: Row, limit: Limit, taken: Row) -> int:
    """Return how much a lease weighed when another one was taken."""
    at: datetime = taken["taken_at"]
    if (other["taken_at"], other["id"]) > (at, taken["id"]) or _free_at(other, limit, at) <= at:
        return 0
    if limit.kind is not LimitKind.TOKENS:
        return 1
    known: int = other["tokens"]
    if _ended(other, at - COMMITTED_WITHIN):
        return known
    return min(known, SIZE) if _ended(other, at) else SIZE


def _free_at(lease: Row, limit: Limit, at: datetime) -> datetime:
    window = timedelta(seconds=limit.window_s)
    if not _ended(lease, at):
        expires_at: datetime = lease["expires_at"]
        return expires_at + window
    if lease["outcome"] == "unused" or limit.kind is LimitKind.CONCURRENCY:
        return at
    counted_from: datetime = lease["counted_from"]
    return counted_from + window


def _ended(lease: Row, at: datetime) -> bool:
    return lease["ended_at"] is not None and lease["ended_at"] < at


def _busiest(times: Sequence[float], window_s: float) -> int:
    """Return how many calls were with the provider within one window, at most."""
    return max((sum(start <= at < start + window_s for at in times) for start in times), default=0)
