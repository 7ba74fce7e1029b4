"""A process that asks for calls as fast as it is let, and tells which it was given: `python -m tests.limits.hammer`."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

from services.storage.caller_limits import Ask, take
from services.storage.database import Database
from tests.limits.callers import unique

_END = "SELECT longhaul_limit_settle($1, jsonb_build_object('input_tokens', $2::int))"


@dataclass
class Hammer:
    """Asks for calls of these subjects.

    `given`: of each call when it was counted (`at`, the database's clock), when its caller had it under way, what it
    used, and whether the limits said that they were kept. The clock that it was counted by stands still while the count
    waits for what others have ended meanwhile: at once are those whose callers had them at once.
    """

    db: Database
    subjects: list[str]
    given: list[dict[str, Any]]
    refused: int = 0

    async def strike(self, until: float, number: int) -> None:
        """Ask until then, one call after the other."""
        while time.monotonic() < until:
            number += 1
            call_id, tokens = unique("call"), 5 + number % 20
            taken = await take(self.db, Ask(self.subjects, call_id, tokens=tokens, lasts_s=60))
            if not taken.granted or taken.standing is None:
                self.refused += 1
                await asyncio.sleep(0.002)
                continue
            began = time.time()
            most = all(limit.used <= limit.amount for limit in taken.standing.limits)
            await asyncio.sleep(0.004 * (number % 4))
            used = tokens - number % 5
            ended = time.time()
            await self.db.fetch(_END, call_id, used)
            at = taken.standing.at.timestamp()
            self.given.append({"at": at, "began": began, "ended": ended, "used": used, "within": most})


async def hammer(url: str, subjects: list[str], seconds: float, tasks: int) -> dict[str, Any]:
    """Ask with so many tasks at once; return what was given, and how often was refused."""
    db = Database(url)
    strikes = Hammer(db, subjects, [])
    until = time.monotonic() + seconds
    await asyncio.gather(*(strikes.strike(until, n) for n in range(tasks)))
    await db.close()
    return {"given": strikes.given, "refused": strikes.refused}


if __name__ == "__main__":
    address, of, lasts, at_once = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(hammer(address, json.loads(of), float(lasts), int(at_once)))))
