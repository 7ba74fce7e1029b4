"""The result cache over the real database: one makes, the others wait or get what is kept."""

import asyncio
import secrets
import time

import pytest

from domain import ids
from domain.budget import Usage
from domain.content import Text
from domain.events import Event, EventType
from domain.gateway import CallError, CallOptions, CallOutcome, Routing
from services.storage import events, gateway_calls, result_cache
from services.storage.database import Database
from services.storage.gateway_calls import NewCall
from services.storage.result_cache import Hit, Making

OWNER = "owner-a"
AGE = """
    UPDATE cached_answer SET created_at = created_at - make_interval(secs => $2),
        expires_at = expires_at - make_interval(secs => $2) WHERE key = $1"""
EXPIRED = """
    INSERT INTO cached_answer (owner, key, call_id, expires_at)
    SELECT $1, 'dead-' || n, 'call_x', '2000-01-01'::timestamptz + n * interval '1 s' FROM generate_series(1, 45) n"""
DONE = CallOutcome(
    phase="done",
    answer=Text.inline('{"chunks":[{"choices":[{"index":0,"delta":{"content":"Pa\\u00e9 \\ud83d\\ude00"}}]}]}'),
    finish_reason="stop",
    usage=Usage(input_tokens=7, cached_tokens=2, output_tokens=3),
    cost_micros=12,
    routing=Routing(model="m", provider="p", account="a", deployment="d", simulated=True),
)


@pytest.fixture
def key() -> str:
    return secrets.token_hex(32)


async def _claim(
    db: Database, key: str, call_id: str, *, owner: str = OWNER, max_age_s: float | None = None, hold_s: float = 60
) -> Hit | Making | None:
    return await result_cache.claim(db, owner, key, call_id, hold_s=hold_s, max_age_s=max_age_s)


async def _kept(db: Database, key: str, outcome: CallOutcome = DONE, ttl_s: float = 60) -> None:
    assert await _claim(db, key, "call_a") is None
    await result_cache.keep(db, OWNER, key, "call_a", outcome, ttl_s)


async def _age(db: Database, key: str, seconds: float) -> None:
    """Make a row as old as if so much time had passed."""
    await db.fetch(AGE, key, seconds)


async def test_the_first_makes_the_others_wait_and_then_all_get_it(db: Database, key: str) -> None:
    assert await _claim(db, key, "call_a") is None
    assert await _claim(db, key, "call_b") == Making("call_a")
    await result_cache.keep(db, OWNER, key, "call_a", DONE, 60)
    hit = await _claim(db, key, "call_b")
    assert isinstance(hit, Hit)
    assert (hit.call_id, hit.outcome) == ("call_a", DONE)
    assert hit.age_s < 30


async def test_of_many_that_ask_at_once_one_makes(db: Database, key: str) -> None:
    found = await asyncio.gather(*(_claim(db, key, f"call_{number}") for number in range(30)))
    makers = [number for number, each in enumerate(found) if each is None]
    assert len(makers) == 1
    assert {each for each in found if each is not None} == {Making(f"call_{makers[0]}")}


async def test_of_many_that_find_it_expired_one_makes(db: Database, key: str) -> None:
    await _kept(db, key)
    await _age(db, key, 61)
    found = await asyncio.gather(*(_claim(db, key, f"call_{number}") for number in range(30)))
    assert [each is None for each in found].count(True) == 1
    assert not any(isinstance(each, Hit) for each in found)


async def test_a_call_that_claims_again_still_has_the_key(db: Database, key: str) -> None:
    assert await _claim(db, key, "call_a") is None
    assert await _claim(db, key, "call_a") is None
    assert await _claim(db, key, "call_b") == Making("call_a")


async def test_owners_never_see_each_others_answers(db: Database, key: str) -> None:
    await _kept(db, key)
    assert await _claim(db, key, "call_b", owner="owner-b") is None
    await result_cache.release(db, "owner-b", key, "call_a")
    assert await _claim(db, key, "call_c", owner="owner-b") == Making("call_b")
    assert isinstance(await _claim(db, key, "call_d"), Hit)


async def test_an_answer_is_given_until_its_time_is_over(db: Database, key: str) -> None:
    await _kept(db, key, ttl_s=60)
    await _age(db, key, 50)
    assert isinstance(await _claim(db, key, "call_b"), Hit)
    await _age(db, key, 11)
    assert await _claim(db, key, "call_b") is None


async def test_an_answer_older_than_wanted_is_made_anew(db: Database, key: str) -> None:
    await _kept(db, key)
    await _age(db, key, 20)
    assert isinstance(await _claim(db, key, "call_b", max_age_s=30), Hit)
    assert isinstance(await _claim(db, key, "call_b", max_age_s=1e300), Hit)
    assert await _claim(db, key, "call_b", max_age_s=10) is None
    assert await _claim(db, key, "call_c", max_age_s=10) == Making("call_b"), "what is being made will be new"


async def test_who_wants_none_that_is_older_makes_its_own(db: Database, key: str) -> None:
    assert await _claim(db, key, "call_a") is None
    assert await _claim(db, key, "call_b", max_age_s=0) is None
    await result_cache.keep(db, OWNER, key, "call_a", DONE, 60)
    assert await _claim(db, key, "call_c") == Making("call_b"), "the older call's answer is not kept"


async def test_a_maker_that_was_not_heard_of_is_overtaken(db: Database, key: str) -> None:
    assert await _claim(db, key, "call_a", hold_s=30) is None
    await _age(db, key, 31)
    assert await _claim(db, key, "call_b") is None
    await result_cache.keep(db, OWNER, key, "call_a", DONE, 60)
    await result_cache.release(db, OWNER, key, "call_a")
    assert await _claim(db, key, "call_c") == Making("call_b")


async def test_a_maker_that_was_late_but_not_overtaken_is_still_heard(db: Database, key: str) -> None:
    assert await _claim(db, key, "call_a", hold_s=30) is None
    await _age(db, key, 31)
    await result_cache.keep(db, OWNER, key, "call_a", DONE, 60)
    assert isinstance(await _claim(db, key, "call_b"), Hit)


async def _ended(db: Database, key: str, outcome: CallOutcome) -> str:
    """Have a key claimed by a call that has ended and neither kept its answer nor freed the key; return its id."""
    call_id = ids.gateway_call_id(time.time_ns() // 1_000_000, secrets.randbits(80))
    assert await _claim(db, key, call_id) is None
    await gateway_calls.accept(db, NewCall(call_id, OWNER, "{}", CallOptions(model="m")))
    assert await _claim(db, key, "call_b") == Making(call_id)
    data = {"v": 1, "outcome": outcome.model_dump(mode="json", exclude_none=True)}
    await events.append(db, call_id, [Event(source="call", source_seq=1, type=EventType.CALL_FINISHED, data=data)])
    return call_id


async def test_an_answer_that_is_about_to_be_kept_is_given_already(db: Database, key: str) -> None:
    call_id = await _ended(db, key, DONE)
    hit = await _claim(db, key, "call_c")
    assert isinstance(hit, Hit)
    assert (hit.call_id, hit.outcome) == (call_id, DONE)
    await result_cache.keep(db, OWNER, key, call_id, DONE, 60)
    assert isinstance(await _claim(db, key, "call_c"), Hit)


async def test_one_that_was_cut_is_never_given_again_even_before_its_key_is_freed(db: Database, key: str) -> None:
    call_id = await _ended(db, key, DONE.model_copy(update={"finish_reason": "length"}))
    found = await asyncio.gather(*(_claim(db, key, f"call_{number}") for number in range(10)))
    assert [each is None for each in found].count(True) == 1
    assert Making(call_id) not in found
    assert not any(isinstance(each, Hit) for each in found)


async def test_a_call_whose_process_died_before_it_kept_its_answer_holds_nobody_up(db: Database, key: str) -> None:
    call_id = await _ended(db, key, DONE)
    await db.fetch("UPDATE request SET finished_at = finished_at - interval '11 s' WHERE id = $1", call_id)
    assert await _claim(db, key, "call_c") is None
    assert await _claim(db, key, "call_d") == Making("call_c")


async def test_a_key_that_was_freed_goes_to_the_next(db: Database, key: str) -> None:
    assert await _claim(db, key, "call_a") is None
    await result_cache.release(db, OWNER, key, "call_b")
    assert await _claim(db, key, "call_b") == Making("call_a"), "only who holds a key frees it"
    await result_cache.release(db, OWNER, key, "call_a")
    assert await _claim(db, key, "call_b") is None


@pytest.mark.parametrize(
    "outcome",
    [
        CallOutcome(phase="failed", error=CallError(status=502, type="api_error", code="x", message="gone")),
        CallOutcome(phase="cancelled"),
        DONE.model_copy(update={"finish_reason": "length"}),
        DONE.model_copy(update={"refused": True}),
    ],
    ids=["failed", "cancelled", "cut", "refused"],
)
async def test_what_is_not_fit_frees_its_key(db: Database, key: str, outcome: CallOutcome) -> None:
    await _kept(db, key, outcome)
    assert await _claim(db, key, "call_b") is None


async def test_no_time_at_all_keeps_nothing(db: Database, key: str) -> None:
    await _kept(db, key, ttl_s=0)
    assert await _claim(db, key, "call_b") is None


async def test_keeping_twice_makes_it_no_younger_and_freeing_does_not_drop_it(db: Database, key: str) -> None:
    await _kept(db, key)
    await _age(db, key, 20)
    await result_cache.keep(db, OWNER, key, "call_a", DONE, 60)
    await result_cache.release(db, OWNER, key, "call_a")
    hit = await _claim(db, key, "call_b")
    assert isinstance(hit, Hit)
    assert hit.age_s >= 20


async def test_what_has_expired_is_cleared_away_by_those_who_make(db: Database, key: str) -> None:
    owner = f"owner-{key[:8]}"
    await db.fetch(EXPIRED, owner)

    async def left() -> int:
        (row,) = await db.fetch("SELECT count(*) FROM cached_answer WHERE owner = $1 AND call_id = 'call_x'", owner)
        return int(row["count"])

    await _claim(db, key, "call_a")
    assert await left() == 25
    await _claim(db, key, "call_b")
    assert await left() == 25, "one who finds somebody making clears nothing"
    for number in range(2):
        await _claim(db, f"{key}{number}", "call_a")
    assert await left() == 0
