"""A process that makes calls at accounts as fast as it gets places, and says when each call was with the provider.

`python -m tests.llm.pool.caller_process URL ACCOUNTS TASKS SECONDS SEED`: one line of JSON for each call. Some calls
are never ended, as if their process had died; some use more tokens than they were reckoned with, some fewer, some none.
"""

import asyncio
import json
import random
import sys
import time

from domain.budget import Usage
from services.llm.pool import leases
from services.llm.pool.leases import Ended, Mode
from services.storage.database import Database
from tests.llm.pool.accounts import claim, new_name, place

SIZE = 100
"""Tokens that a call is reckoned with."""
TTL_S = 0.6
"""How long a lease lives here: nobody renews it."""


async def main(url: str, accounts: list[str], tasks: int, seconds: float, seed: int) -> None:
    """Call until the time is up."""
    db = Database(url, pool_size=4)
    until = time.monotonic() + seconds
    await asyncio.gather(*(_calls(db, accounts, until, random.Random(seed * 1000 + n)) for n in range(tasks)))
    await db.close()


async def _calls(db: Database, accounts: list[str], until: float, chance: random.Random) -> None:
    while time.monotonic() < until:
        mode, waits = chance.choice(list(Mode)), chance.random() < 0.7
        places = [place(name, size=SIZE) for name in chance.sample(accounts, len(accounts))]
        call_id = new_name("call")
        while time.monotonic() < until:
            asked = claim(
                call_id, mode=mode, waits=waits, fairness_key=f"k{chance.randrange(3)}", priority=chance.randint(1, 5)
            )
            answer = await leases.take(db, asked, places, ttl_s=TTL_S)
            if answer.granted is not None:
                await _call(db, asked.lease_id, places[answer.granted].account_id, chance)
                break
            await asyncio.sleep(min(answer.retry_s or 0.02, 0.05) * chance.random())
        else:
            await leases.give_up(db, call_id)


async def _call(db: Database, lease_id: str, account: str, chance: random.Random) -> None:
    """Be with the provider for a moment, and end the lease or not."""
    fate = chance.random()
    if fate < 0.1:
        await leases.settle(db, Ended(lease_id, "unused", Usage()))
        return
    await asyncio.sleep(0.02 * chance.random())
    _say(account, lease_id)
    first_byte = time.monotonic()
    if fate < 0.2:
        return
    await asyncio.sleep(0.1 * chance.random())
    used = chance.choice([0, 10, SIZE, 3 * SIZE])
    since_s = None if fate < 0.3 else time.monotonic() - first_byte
    outcome = "ok" if fate > 0.4 else "model_unavailable"
    await leases.settle(db, Ended(lease_id, outcome, Usage(output_tokens=used), since_first_byte_s=since_s))


def _say(account: str, lease_id: str) -> None:
    print(json.dumps([account, lease_id, time.time()]), flush=True)  # noqa: T201  the parent reads it


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
