"""Gateway calls go when they are old, with all that is theirs alone; what is open in any way stays."""

import secrets
from collections.abc import Collection

import pytest

from domain.budget import Usage
from domain.errors import NotFound
from domain.gateway import CallOptions
from domain.ids import request_id
from domain.purging import PurgeKind
from services.storage import blobs, gateway_calls, purging
from services.storage.database import Database
from services.storage.gateway_calls import AcceptedCall, NewCall
from services.storage.journal import Answer, CallKey, Sent, finish, open_first
from services.storage.requests import Idempotency
from tests.storage.old_rows import KEEP, call_of, left, made, swept

OWNER = "o"


async def test_old_calls_that_have_ended_lose_their_chunks_and_keys_and_nothing_else(db: Database) -> None:
    await db.fetch("DELETE FROM purge_mark")
    old, new = await made(db, call_of(4)), await made(db, call_of(2))
    running = await made(db, call_of(4), ended=False)
    request = await made(db, request_id(0, 1))
    try:
        await swept(db, PurgeKind.CALL_CHUNKS, batch=1)
        await swept(db, PurgeKind.CALL_KEYS, batch=1)
        events = [await left(db, "request_event", "request_id", each) for each in (old, new, running, request)]
        keys = [await left(db, "idempotency", "request_id", each) for each in (old, new, running, request)]
        assert (events, keys) == ([2, 5, 5, 5], [0, 1, 1, 1])
        assert await left(db, "request", "id", old) == 1
    finally:
        for table in ("request WHERE id", "request_event WHERE request_id", "idempotency WHERE request_id"):
            await db.fetch(f"DELETE FROM {table} = $1", request)  # noqa: S608  our names


async def test_a_key_that_was_given_an_older_calls_answer_is_kept_for_its_own_time(db: Database) -> None:
    call = await made(db, call_of(9))
    await db.fetch("UPDATE idempotency SET created_at = clock_timestamp() WHERE request_id = $1", call)
    await swept(db, PurgeKind.CALL_KEYS)
    assert await left(db, "idempotency", "request_id", call) == 1


async def test_calls_are_looked_at_once(db: Database) -> None:
    await made(db, call_of(4))
    await swept(db, PurgeKind.CALL_CHUNKS)
    later = await made(db, call_of(3.5))
    assert await purging.sweep(db, PurgeKind.CALL_CHUNKS, KEEP) == (3, False)
    assert await left(db, "request_event", "request_id", later) == 2
    assert await purging.sweep(db, PurgeKind.CALL_CHUNKS, KEEP) == (0, False)


async def freed(db: Database, call: str) -> str:
    """Remove the keys of a call; return its id."""
    await db.fetch("DELETE FROM idempotency WHERE request_id = $1", call)
    return call


async def remains(db: Database, call: str) -> int:
    """Return how many rows are left of a call."""
    tables = {"request": "id", "request_event": "request_id", "model_call": "request_id", "webhook_delivery": "call_id"}
    return sum([await left(db, table, column, call) for table, column in tables.items()])


async def test_old_calls_that_have_ended_go_with_all_that_is_theirs(db: Database) -> None:
    old, new = await freed(db, await made(db, call_of(4))), await freed(db, await made(db, call_of(2)))
    running = await freed(db, await made(db, call_of(4), ended=False))
    for call in (old, new, running):
        await db.fetch(
            "INSERT INTO model_call (request_id, slot, round, n, model, process) VALUES ($1, 'call', 1, 1, 'm', 'p')",
            call,
        )
        await db.fetch("INSERT INTO webhook_delivery (call_id, state) VALUES ($1, 'delivered')", call)
    await swept(db, PurgeKind.CALLS, batch=1)
    assert [await remains(db, call) for call in (old, new, running)] == [0, 8, 8]
    with pytest.raises(NotFound):
        await gateway_calls.read(db, OWNER, old)


async def test_a_call_that_a_key_leads_to_stays_for_as_long(db: Database) -> None:
    call = await made(db, call_of(9))
    await db.fetch("UPDATE idempotency SET created_at = clock_timestamp() WHERE request_id = $1", call)
    await swept(db, PurgeKind.CALL_KEYS)
    await swept(db, PurgeKind.CALLS)
    assert await left(db, "request", "id", call) == 1
    await freed(db, call)
    await swept(db, PurgeKind.CALLS)
    assert await left(db, "request", "id", call) == 0


async def test_a_call_that_a_kept_answer_came_of_stays_for_as_long(db: Database) -> None:
    call = await freed(db, await made(db, call_of(9)))
    await db.fetch("""UPDATE request SET options = '{"cache_key": "k", "cache_scope": "o"}' WHERE id = $1""", call)
    await db.fetch(
        "INSERT INTO cached_answer (owner, key, call_id, expires_at) "
        "VALUES ('o', 'k', $1, clock_timestamp() + interval '1 hour')",
        call,
    )
    await swept(db, PurgeKind.CALLS)
    assert await left(db, "request", "id", call) == 1
    await db.fetch("DELETE FROM cached_answer WHERE call_id = $1", call)
    await swept(db, PurgeKind.CALLS)
    assert await left(db, "request", "id", call) == 0


async def test_a_call_that_money_is_held_for_stays_until_it_is_not(db: Database) -> None:
    call = await freed(db, await made(db, call_of(9)))
    await db.fetch("INSERT INTO ledger_hold (id, wallet_id) VALUES ($1, 'w')", call)
    await swept(db, PurgeKind.CALLS)
    assert await left(db, "request", "id", call) == 1
    await db.fetch("UPDATE ledger_hold SET state = 'expired' WHERE id = $1", call)
    await swept(db, PurgeKind.CALLS)
    assert (await left(db, "request", "id", call), await left(db, "ledger_hold", "id", call)) == (0, 1)
    await db.fetch("DELETE FROM ledger_hold WHERE id = $1", call)


async def accepted(db: Database, days: float, body: str, key: str | None = None) -> AcceptedCall:
    """Accept a call as it would have been so many days ago."""
    idempotency = None if key is None else Idempotency("POST /x", key, "body")
    call = NewCall(call_of(days), OWNER, body, CallOptions(model="m"), idempotency)
    return await gateway_calls.accept(db, call)


async def aged(db: Database, days: float, *refs: str | None) -> None:
    """Let texts have been put so many days ago."""
    await db.fetch(
        "UPDATE blob SET put_at = clock_timestamp() - make_interval(secs => $1) WHERE ref = ANY($2::text[])",
        days * 86_400,
        [ref for ref in refs if ref],
    )


async def finished(db: Database, call: AcceptedCall, days: float) -> None:
    """Let a call have ended so many days ago."""
    ended = "UPDATE request SET finished_at = clock_timestamp() - make_interval(secs => $1) WHERE id = $2"
    await db.fetch(ended, days * 86_400, call.call_id)


async def test_a_key_that_outlived_its_call_is_free(db: Database) -> None:
    key = secrets.token_hex(8)
    first = await accepted(db, 9, "{}", key)
    await finished(db, first, 9)
    await db.fetch("DELETE FROM request WHERE id = $1", first.call_id)
    again = await accepted(db, 0, "{}", key)
    assert (again.created, again.call_id == first.call_id) == (True, False)
    await db.fetch("UPDATE idempotency SET created_at = clock_timestamp() - interval '9 days'")
    await db.fetch("UPDATE idempotency SET request_id = $1 WHERE request_id = $2", first.call_id, again.call_id)
    await swept(db, PurgeKind.CALL_KEYS)
    assert await left(db, "idempotency", "request_id", first.call_id) == 0


def long_text() -> str:
    """Return a text that nobody else has, too long to stand in a row."""
    return secrets.token_hex(2000)


async def answered(db: Database, call: AcceptedCall, text: str) -> str:
    """Give a call an answer; return where its text is."""
    sent = Sent(model="m", input_tokens=1, process="p")
    opened = await open_first(db, CallKey(call.call_id, "call", 1), (), sent)
    stored, body = blobs.portable(text)
    assert opened is not None
    assert stored.ref is not None
    answer = Answer(text=stored, finish_reason="stop", refused=False, usage=Usage(), cost_micros=0, model="m")
    assert await finish(db, opened, answer, body=body)
    return stored.ref


async def kept(db: Database, refs: Collection[str | None]) -> list[int]:
    """Sweep texts; return of each whether it is there."""
    await swept(db, PurgeKind.CALL_BLOBS, batch=1)
    return [await left(db, "blob", "ref", str(ref)) for ref in refs]


async def test_long_texts_go_after_the_calls_that_put_them(db: Database) -> None:
    call = await accepted(db, 9, long_text())
    refs = (call.body.ref, await answered(db, call, long_text()))
    await aged(db, 9, *refs)
    assert await kept(db, refs) == [1, 1], "the call is still there"
    await finished(db, call, 9)
    await swept(db, PurgeKind.CALLS)
    assert await kept(db, refs) == [0, 0]


async def test_a_text_that_a_younger_call_has_put_too_stays(db: Database) -> None:
    body = long_text()
    old = await accepted(db, 9, body)
    await finished(db, old, 9)
    await aged(db, 9, old.body.ref)
    await accepted(db, 0, body)
    await swept(db, PurgeKind.CALLS)
    assert await left(db, "request", "id", old.call_id) == 0
    assert await kept(db, [old.body.ref]) == [1]


async def test_a_text_that_somebody_else_has_put_too_stays(db: Database) -> None:
    bodies = [long_text(), long_text()]
    early = await blobs.put(db, bodies[0])
    old = [await accepted(db, 9, body) for body in bodies]
    assert (await blobs.put(db, bodies[1])).ref == old[1].body.ref
    for call in old:
        await finished(db, call, 9)
    await aged(db, 9, *(call.body.ref for call in old))
    await swept(db, PurgeKind.CALLS)
    assert await kept(db, [early.ref, old[1].body.ref]) == [1, 1]


async def test_calls_whose_start_failed_go_after_a_day(db: Database) -> None:
    await db.fetch("DELETE FROM purge_mark")
    key = secrets.token_hex(8)
    failed, begun, young = [await accepted(db, days, "{}", key + str(days)) for days in (1.2, 1.1, 0.9)]
    ended = await made(db, call_of(1.3))
    asked: list[str] = []

    async def has_workflow(call_id: str) -> bool:
        asked.append(call_id)
        return call_id == begun.call_id

    rows, more = 0, True
    while more:
        swept_now = await purging.sweep_unstarted(db, has_workflow, batch=1)
        rows, more = rows + swept_now.rows, swept_now.more
    ours = [failed.call_id, begun.call_id, young.call_id, ended]
    assert [call for call in asked if call in ours] == [failed.call_id, begun.call_id]
    assert [await left(db, "request", "id", call) for call in ours] == [0, 1, 1, 1]
    assert await left(db, "idempotency", "request_id", failed.call_id) == 0
    assert await purging.sweep_unstarted(db, has_workflow) == (0, False)
