"""A process that makes many calls at once on one wallet, as the gateway does, and prints what became of each.

`python -m tests.ledger.caller_process URL WALLET TENANT USER CALLS SEED`; a line of JSON a call: its id, what it cost
(null: it was refused).
"""

import asyncio
import json
import random
import secrets
import sys
import time

from domain import ids
from domain.budget import Price, Usage, cost
from domain.caller_errors import FundsOnHold, InsufficientFunds
from domain.content import Text
from domain.events import Event, EventType
from domain.gateway import CallOptions, CallOutcome
from domain.ledger import Charge, Payer, Rate, Size, call_estimate
from services.storage import gateway_calls, journal
from services.storage.database import Database
from services.storage.gateway_calls import NewCall
from services.storage.journal import Answer, CallKey, Sent

PRICE = Price(input_micros=1_000_000, output_micros=4_000_000)
SIZE = Size(input_tokens=500, output_tokens=2000)
TRIES = 40
CONNECTIONS = 8


async def main(url: str, payer: Payer, calls: int, seed: int) -> None:
    """Make the calls."""
    db = Database(url, pool_size=CONNECTIONS)
    turn = asyncio.Semaphore(CONNECTIONS)
    dice = random.Random(seed)
    worths = [Usage(input_tokens=SIZE.input_tokens, output_tokens=dice.randrange(2000)) for _ in range(calls)]
    for told in await asyncio.gather(*(_call(db, turn, payer, usage) for usage in worths)):
        sys.stdout.write(json.dumps(told) + "\n")
    await db.close()


async def _call(db: Database, turn: asyncio.Semaphore, payer: Payer, usage: Usage) -> dict[str, object]:
    call_id = ids.gateway_call_id(time.time_ns() // 1_000_000, secrets.randbits(80))
    charge = Charge(payer, call_estimate(SIZE, [Rate(PRICE)]), 600)
    for _ in range(TRIES):
        try:
            new = NewCall(call_id, payer.user, "{}", CallOptions(model="m"), charge=charge)
            async with turn:
                accepted = await gateway_calls.accept(db, new)
        except FundsOnHold:
            await asyncio.sleep(0.05)
        except InsufficientFunds:
            break
        else:
            assert accepted.held_micros == charge.estimate.micros
            async with turn:
                return {"call": call_id, "micros": await _made(db, call_id, usage)}
    return {"call": call_id, "micros": None}


async def _made(db: Database, call_id: str, usage: Usage) -> int:
    key = CallKey(call_id, "call", 1)
    sent = Sent(model="m", input_tokens=SIZE.input_tokens, process="test", price=PRICE)
    call = await journal.open_first(db, key, (), sent)
    assert call is not None
    micros = cost(usage, PRICE)
    outcome = CallOutcome(phase="done", usage=usage, cost_micros=micros)
    data = {"v": 1, "outcome": outcome.model_dump(mode="json", exclude_none=True)}
    end = Event(source="call", source_seq=1, type=EventType.CALL_FINISHED, data=data)
    text = Text.inline("an answer")
    answer = Answer(text=text, finish_reason="stop", refused=False, usage=usage, cost_micros=micros, model="m")
    assert await journal.finish(db, call, answer, events=[end])
    return micros


if __name__ == "__main__":
    of_url, of_wallet, of_tenant, of_user, of_calls, of_seed = sys.argv[1:]
    asyncio.run(main(of_url, Payer(of_wallet, of_tenant, of_user), int(of_calls), int(of_seed)))
