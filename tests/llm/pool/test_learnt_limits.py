from collections.abc import Mapping

import pytest

from domain.errors import ModelRejected, NoCapacity
from services.llm.pool import learnt_limits
from services.llm.pool.port import OK, LeaseEnd
from services.storage.database import Database
from services.storage.driver import Row
from tests.llm.pool.accounts import requests
from tests.llm.pool.pools import Made, called, chosen, made, need


@pytest.fixture
def pool(db: Database) -> Made:
    return made(db)


def _told(limit: str, remaining: str = "5", reset: str = "1s") -> Mapping[str, str]:
    return {
        "x-ratelimit-limit-requests": limit,
        "x-ratelimit-remaining-requests": remaining,
        "x-ratelimit-reset-requests": reset,
    }


async def _learnt(pool: Made, deployment: str) -> list[Row]:
    query = "SELECT * FROM pool_limit WHERE account_id = $1 AND learnt ORDER BY kind"
    return await pool.db.fetch(query, pool.account_of(deployment))


async def test_a_limit_that_an_answer_tells_of_holds_from_then_on(pool: Made) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await called(pool, model, LeaseEnd(OK, told=_told("2")))
    (row,) = await _learnt(pool, first)
    assert (row["kind"], row["window_s"], row["amount"], row["remaining"]) == ("requests", 60, 2, 5)
    await chosen(pool, model)
    with pytest.raises(NoCapacity) as error:
        await pool.pool.take(need(model))
    assert not error.value.resting


async def test_a_learnt_limit_above_the_configured_one_changes_nothing(pool: Made) -> None:
    model = pool.route(await pool.deploy(requests(1, 60)))
    await called(pool, model, LeaseEnd(OK, told=_told("500")))
    with pytest.raises(NoCapacity):
        await pool.pool.take(need(model))


async def test_the_newest_word_on_a_limit_counts(pool: Made) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    for amount in (50, 50, 9, 70):
        await called(pool, model, LeaseEnd(OK, told=_told(str(amount))))
        assert [row["amount"] for row in await _learnt(pool, first)] == [amount]


async def test_what_was_learnt_is_stored_again_only_when_it_changes(pool: Made) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await called(pool, model, LeaseEnd(OK, told=_told("50", "40")))
    await called(pool, model, LeaseEnd(OK, told=_told("50", "30")))
    assert [row["remaining"] for row in await _learnt(pool, first)] == [40]


async def test_an_account_with_nothing_left_rests_until_it_has_again(pool: Made) -> None:
    first = await pool.deploy()
    model = pool.route(first)
    await called(pool, model, LeaseEnd(OK, told=_told("60", "0", "20s")))
    with pytest.raises(NoCapacity) as error:
        await pool.pool.take(need(model))
    assert error.value.resting
    assert error.value.retry_after_s == pytest.approx(20, abs=1)


@pytest.mark.parametrize("told", [_told("-1"), _told("0"), _told("1e99"), _told("a lot"), {}])
async def test_absurd_limits_are_not_learnt(pool: Made, told: Mapping[str, str]) -> None:
    first = await pool.deploy()
    await called(pool, pool.route(first), LeaseEnd(OK, told=told))
    assert await _learnt(pool, first) == []


async def test_errors_tell_of_limits_too(pool: Made) -> None:
    first = await pool.deploy()
    error = ModelRejected("400")
    await called(pool, pool.route(first), LeaseEnd(error.code, error=error, told=_told("7")))
    assert [row["amount"] for row in await _learnt(pool, first)] == [7]


async def test_nothing_is_learnt_of_an_account_that_is_gone(pool: Made) -> None:
    first = await pool.deploy()
    granted = await pool.pool.take(need(pool.route(first)))
    await pool.db.fetch("DELETE FROM pool_account WHERE id = $1", granted.account.id)
    await pool.pool.settle(granted, LeaseEnd(OK, told=_told("7")))
    assert await _learnt(pool, first) == []


async def test_what_is_remembered_of_limits_is_bounded(pool: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt_limits, "REMEMBERED", 2)
    models = [pool.route(await pool.deploy()) for _ in range(5)]
    for model in models:
        await called(pool, model, LeaseEnd(OK, told=_told("7")))
    assert len(pool.pool._settling._learnt._stored) <= 2  # pyright: ignore[reportPrivateUsage]  its size
