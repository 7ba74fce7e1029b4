import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from domain.breaker import FAILURES_IN_A_ROW, Breaker, BreakerState, passes, probing
from domain.budget import Usage
from domain.errors import (
    ModelAnswerInvalid,
    ModelContentRefused,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
    NoCapacity,
)
from services.llm.errors import ModelTimedOut
from services.llm.pool.leases import Bar
from services.llm.pool.port import CANCELLED, OK, UNUSED, Granted, LeaseEnd
from services.storage.database import Database
from tests.llm.pool.accounts import account, ask, claim, granted, new_name, place, rows, tokens
from tests.llm.pool.pools import Made, called, chosen, made, need

DOWN = ModelUnavailable("the provider is down")
DONE = LeaseEnd(OK, Usage(output_tokens=5))


@pytest.fixture
def pool(db: Database) -> Made:
    return made(db)


def _failed(error: ModelError = DOWN, *, streamed: bool = False) -> LeaseEnd:
    return LeaseEnd(error.code, error=error, streamed=streamed)


async def _fail(pool: Made, model: str, times: int, error: ModelError = DOWN) -> None:
    for _ in range(times):
        await called(pool, model, _failed(error))


async def _breaker(pool: Made, scope: str) -> Breaker:
    rows = await pool.db.fetch("SELECT data, state, until, probe FROM breaker WHERE scope = $1", scope)
    if not rows:
        return Breaker()
    found = Breaker.model_validate(rows[0]["data"])
    assert (found.state, found.until, found.probe) == (rows[0]["state"], rows[0]["until"], rows[0]["probe"])
    return found


async def _over(pool: Made, scope: str) -> None:
    """Let a breaker's back-off be over."""
    await pool.db.fetch(
        """UPDATE breaker SET until = now() - interval '1 ms',
            data = data || jsonb_build_object('until', now() - interval '1 ms') WHERE scope = $1""",
        scope,
    )


async def _rests(pool: Made, model: str) -> NoCapacity:
    with pytest.raises(NoCapacity) as error:
        await pool.pool.take(need(model))
    assert error.value.resting
    return error.value


@pytest.mark.parametrize("error", [DOWN, ModelTimedOut("slow"), ModelAnswerInvalid("odd")])
async def test_failures_open_the_breakers_of_deployment_and_account(pool: Made, error: ModelError) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await _fail(pool, model, FAILURES_IN_A_ROW - 1, error)
    assert await chosen(pool, model)
    await _fail(pool, model, 1, error)
    assert 0 < ((await _rests(pool, model)).retry_after_s or 0) <= 1
    for scope in (f"deployment:{first}", f"account:{pool.account_of(first)}"):
        assert (await _breaker(pool, scope)).state is BreakerState.OPEN


async def test_a_stream_that_breaks_off_is_a_failure_like_any_other(pool: Made) -> None:
    model = pool.route(await pool.deploy())
    for _ in range(FAILURES_IN_A_ROW):
        await called(pool, model, _failed(streamed=True))
    await _rests(pool, model)


async def test_another_process_sees_an_open_breaker(pool: Made, db: Database) -> None:
    model = pool.route(await pool.deploy())
    await _fail(pool, model, FAILURES_IN_A_ROW)
    other = made(db)
    other.pool._catalogue = pool.configured  # pyright: ignore[reportPrivateUsage]  the same configuration
    await _rests(other, model)


async def test_calls_go_to_others_while_one_rests_and_say_so(pool: Made) -> None:
    down, up = await pool.deploy(), await pool.deploy()
    await _fail(pool, pool.route(down), FAILURES_IN_A_ROW)
    taken = await pool.pool.take(need(pool.route(down, up)))
    assert taken.reason == f"{up} is the first in the route's order that is free ({down} rests)"


async def test_another_deployment_of_the_account_that_answers_keeps_the_account_in_use(pool: Made) -> None:
    bad = await pool.deploy()
    good = await pool.deploy(on=pool.account_of(bad))
    for _ in range(FAILURES_IN_A_ROW):
        await _fail(pool, pool.route(bad), 1)
        await called(pool, pool.route(good), DONE)
    assert (await _breaker(pool, f"deployment:{bad}")).state is BreakerState.OPEN
    assert await chosen(pool, pool.route(good)) == good


async def test_it_opens_when_more_than_half_of_ten_calls_in_a_minute_fail(pool: Made) -> None:
    model = pool.route(await pool.deploy())
    for _ in range(4):
        await called(pool, model, DONE)
        await _fail(pool, model, 1)
    await called(pool, model, DONE)
    await _fail(pool, model, 1)
    assert await chosen(pool, model), "5 of 10"
    await _fail(pool, model, 1)
    await _rests(pool, model)


async def test_once_closed_what_failed_before_does_not_count_any_more(pool: Made) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await _fail(pool, model, 9, ModelRejected("no"))
    await _fail(pool, model, FAILURES_IN_A_ROW)
    for scope in (f"deployment:{first}", f"account:{pool.account_of(first)}"):
        await _over(pool, scope)
    await called(pool, model, DONE)
    for _ in range(3):
        await _fail(pool, model, 2)
        await called(pool, model, DONE)
    assert await chosen(pool, model), "6 failures of 9 since, 11 of 15 in the minute"


@pytest.mark.parametrize(
    "end",
    [
        _failed(ModelRejected("400")),
        _failed(ModelContentRefused("no")),
        LeaseEnd(CANCELLED),
        LeaseEnd(UNUSED),
        LeaseEnd("odd"),
    ],
)
async def test_what_is_not_the_providers_fault_never_counts(pool: Made, end: LeaseEnd) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    for _ in range(12):
        await called(pool, model, end)
    assert await chosen(pool, model) == first
    assert await _breaker(pool, f"deployment:{first}") == Breaker()


async def test_half_open_one_probe_of_many_callers_goes_through(pool: Made) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await _fail(pool, model, FAILURES_IN_A_ROW)
    scopes = [f"account:{pool.account_of(first)}", f"deployment:{first}"]
    for scope in scopes:
        await _over(pool, scope)
    answers = await asyncio.gather(*(pool.pool.take(need(model)) for _ in range(20)), return_exceptions=True)
    (probe,) = [answer for answer in answers if isinstance(answer, Granted)]
    for scope in scopes:
        found = await _breaker(pool, scope)
        assert (found.state, found.probe) == (BreakerState.HALF_OPEN, probe.lease_id)
    await pool.pool.settle(probe, DONE)
    assert [(await _breaker(pool, scope)).state for scope in scopes] == [BreakerState.CLOSED] * 2
    assert await chosen(pool, model) == first


async def test_a_failed_probe_opens_it_again_for_twice_as_long(pool: Made) -> None:
    first = await pool.deploy()
    model, scope = pool.route(first), f"deployment:{first}"
    await _fail(pool, model, FAILURES_IN_A_ROW)
    for backoff_s in (2, 4):
        for each in (scope, f"account:{pool.account_of(first)}"):
            await _over(pool, each)
        await _fail(pool, model, 1)
        assert backoff_s * 0.7 < ((await _rests(pool, model)).retry_after_s or 0) <= backoff_s


@pytest.mark.parametrize("end", [LeaseEnd(CANCELLED), LeaseEnd(UNUSED), _failed(ModelRejected("400"))])
async def test_a_probe_that_says_nothing_makes_room_for_another(pool: Made, end: LeaseEnd) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await _fail(pool, model, FAILURES_IN_A_ROW)
    for scope in (f"account:{pool.account_of(first)}", f"deployment:{first}"):
        await _over(pool, scope)
    await called(pool, model, end)
    assert await chosen(pool, model) == first
    await _rests(pool, model)


async def test_a_probe_whose_process_dies_makes_room_for_another(pool: Made) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await _fail(pool, model, FAILURES_IN_A_ROW)
    for scope in (f"account:{pool.account_of(first)}", f"deployment:{first}"):
        await _over(pool, scope)
    probe = await pool.pool.take(need(model))
    await _rests(pool, model)
    await pool.db.fetch("UPDATE lease SET expires_at = now() WHERE id = $1", probe.lease_id)
    assert await chosen(pool, model) == first


async def test_a_provider_that_asks_for_patience_gets_it_and_is_not_broken(pool: Made) -> None:
    first = await pool.deploy()
    model, scope = pool.route(first), f"account:{pool.account_of(first)}"
    await called(pool, model, _failed(ModelThrottled("429", 20)))
    assert (await _rests(pool, model)).retry_after_s == pytest.approx(20, abs=1)
    assert (await _breaker(pool, scope)).state is BreakerState.CLOSED
    assert await _breaker(pool, f"deployment:{first}") == Breaker()
    await _over(pool, scope)
    assert await chosen(pool, model) == first


async def test_a_shorter_wish_for_patience_never_shortens_a_longer_one(pool: Made) -> None:
    model = pool.route(await pool.deploy())
    open_calls = [await pool.pool.take(need(model)) for _ in range(3)]
    for call, rest_s in zip(open_calls, (20.0, 2.0, None), strict=True):
        await pool.pool.settle(call, _failed(ModelThrottled("429", rest_s)))
    assert (await _rests(pool, model)).retry_after_s == pytest.approx(20, abs=1)


async def test_a_probe_that_is_throttled_lets_the_account_rest_and_then_another_through(pool: Made) -> None:
    first = await pool.deploy()
    model, scopes = pool.route(first), (f"account:{pool.account_of(first)}", f"deployment:{first}")
    await _fail(pool, model, FAILURES_IN_A_ROW)
    for scope in scopes:
        await _over(pool, scope)
    await called(pool, model, _failed(ModelThrottled("429", 20)))
    assert (await _rests(pool, model)).retry_after_s == pytest.approx(20, abs=1)
    await _over(pool, scopes[0])
    assert await chosen(pool, model) == first


async def test_an_ended_lease_tells_the_breaker_once(pool: Made) -> None:
    first = await pool.deploy()
    call = await pool.pool.take(need(pool.route(first)))
    for _ in range(3):
        await pool.pool.settle(call, _failed())
    assert (await _breaker(pool, f"deployment:{first}")).failures == 1


async def test_what_a_broken_call_may_have_used_counts_as_reckoned(pool: Made) -> None:
    for end, kept in (
        (_failed(), 4106),
        (LeaseEnd(CANCELLED), 4106),
        (_failed(ModelThrottled("429", 0.001)), 0),
        (_failed(ModelRejected("400")), 0),
        (LeaseEnd(DOWN.code, Usage(input_tokens=7), error=DOWN), 7),
    ):
        first = await pool.deploy(tokens(10_000, 60))
        await called(pool, pool.route(first), end)
        assert [row["tokens"] for row in await rows(pool.db, pool.account_of(first))] == [kept]


async def test_a_dead_credential_is_no_failure_of_the_provider(pool: Made) -> None:
    first = await pool.deploy()
    await called(pool, pool.route(first), _failed(ModelCredentialDead("401")))
    assert await _breaker(pool, f"account:{pool.account_of(first)}") == Breaker()


STATES = list(itertools.product(BreakerState, (-5, None, 5), (None, "open", "ended", "expired", "unknown")))


@pytest.mark.parametrize(("state", "until_s", "probe"), STATES)
async def test_the_database_lets_through_what_the_rules_let_through(
    db: Database, state: BreakerState, until_s: float | None, probe: str | None
) -> None:
    name = await account(db)
    now = datetime.now(UTC)
    held = await granted(db, claim(), place(name)) if probe in ("open", "ended", "expired") else None
    if probe in ("ended", "expired"):
        column = {"ended": "ended_at", "expired": "expires_at"}[probe]
        await db.fetch(f"UPDATE lease SET {column} = now() WHERE id = $1", held)  # noqa: S608  one of two columns
    breaker = Breaker(
        state=state,
        until=None if until_s is None else now + timedelta(seconds=until_s),
        probe=None if probe is None or state is not BreakerState.HALF_OPEN else held or new_name("lease"),
    )
    await db.fetch(
        "INSERT INTO breaker (scope, state, until, probe, data) VALUES ($1, $2, $3, $4, $5)",
        *(f"account:{name}", breaker.state.value, breaker.until, breaker.probe, breaker.model_dump_json()),
    )
    answer = await ask(db, place(name))
    expected = passes(breaker, now, probed=breaker.probe is not None and probe == "open")
    assert (answer.granted == 0) == expected
    assert answer.bars == ((Bar.NONE if expected else Bar.RESTING),)
    (row,) = await db.fetch("SELECT data, probe FROM breaker WHERE scope = $1", f"account:{name}")
    (lease,) = [each for each in await rows(db, name) if each["id"] != held] or [{"id": ""}]
    assert Breaker.model_validate(row["data"]) == (probing(breaker, lease["id"]) if expected else breaker)
