import asyncio
import json
import sys
from typing import Any

from domain.caller_limits import LimitKind
from services.storage.database import Database
from tests.limits.callers import Limited
from tests.limits.hammer import hammer

SECONDS = 3.0
PER_WINDOW = 60
AT_ONCE = 7
TOKENS_PER_WINDOW = 700


async def test_no_limit_is_passed_in_any_window_by_many_tasks_in_two_processes(db: Database, database_url: str) -> None:
    first = Limited(db)
    second = Limited(db, type(first.caller)("other", first.caller.tenant, key_id="another"))
    await first.limit(LimitKind.REQUESTS, PER_WINDOW, 1, subject=0)
    await first.limit(LimitKind.CONCURRENCY, AT_ONCE, subject=0)
    await first.limit(LimitKind.TOKENS, TOKENS_PER_WINDOW, 1, subject=0)
    await first.limit(LimitKind.REQUESTS, PER_WINDOW - 10, 1, subject=1)

    here = asyncio.create_task(hammer(database_url, list(first.subjects), SECONDS, 12))
    there = await in_a_process(database_url, list(second.subjects), SECONDS, 12)
    told = [there, await here]

    given = [each for one in told for each in one["given"]]
    assert all(one["refused"] > 10 for one in told)
    assert len(given) > PER_WINDOW
    assert all(each["within"] for each in given)
    assert most_within([(each["at"], 1) for each in given]) <= PER_WINDOW
    assert most_within([(each["at"], each["used"]) for each in given]) <= TOKENS_PER_WINDOW
    assert most_at_once(given) <= AT_ONCE


async def in_a_process(url: str, subjects: list[str], seconds: float, tasks: int) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.limits.hammer", url, json.dumps(subjects), str(seconds), str(tasks),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(told)
    return found


def most_within(taken: list[tuple[float, int]], window_s: float = 1.0) -> int:
    """Return how much was taken in the fullest window."""
    taken = sorted(taken)
    most, held, oldest = 0, 0, 0
    for at, amount in taken:
        held += amount
        while taken[oldest][0] <= at - window_s:
            held -= taken[oldest][1]
            oldest += 1
        most = max(most, held)
    return most


def most_at_once(given: list[dict[str, Any]]) -> int:
    steps = sorted([(each["began"], 1) for each in given] + [(each["ended"], -1) for each in given])
    most, held = 0, 0
    for _, step in steps:
        held += step
        most = max(most, held)
    return most
