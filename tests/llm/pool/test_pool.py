import logging

import pytest

from domain.budget import Price, Usage
from domain.errors import ModelContextTooLong, ModelRejected, ModelUnknown, NoCapacity, Unavailable
from domain.model_pool import Capability, Endpoint, RouteTarget, Strategy
from services.llm.pool.pool import ModelPool
from services.llm.pool.port import OK, UNUSED, Granted, LeaseEnd, Pool
from services.llm.pool.snapshot import Snapshot
from services.llm.prices import Prices
from services.storage.database import Database
from tests.llm.pool.accounts import concurrency, new_name, requests, rows
from tests.llm.pool.pools import Configured, Made, called, chosen, made, need

DONE = LeaseEnd(OK, Usage(input_tokens=10, output_tokens=5), first_token_ms=50)


@pytest.fixture
def pool(db: Database) -> Made:
    return made(db)


async def test_a_call_gets_all_it_needs_to_be_made(pool: Made) -> None:
    price = Price(input_micros=7)
    first = await pool.deploy(model="gpt-x", price=price, timeout_s=30, first_token_s=4)
    granted = await pool.pool.take(need(pool.route(first), call_id="call-1"))
    assert (granted.deployment.id, granted.upstream_model, granted.price) == (first, "gpt-x", price)
    assert (granted.timeout_s, granted.first_token_s, granted.call_id) == (30, 4, "call-1")
    assert (granted.provider.id, granted.target.credential) == ("sim", "key")
    assert granted.reason == f"{first} is the only one that can answer"
    (lease,) = await rows(pool.db, granted.account.id)
    assert (lease["id"], lease["owner"], lease["process"]) == (granted.lease_id, "owner-a", "test")


async def test_the_routes_own_bound_on_time_comes_before_the_deployments(pool: Made) -> None:
    model = pool.route(await pool.deploy(timeout_s=30), timeout_s=7)
    assert (await pool.pool.take(need(model))).timeout_s == 7


async def test_a_deployment_without_a_price_costs_what_the_table_says(db: Database) -> None:
    base = made(db)
    model = base.route(await base.deploy(model="listed-1", price=None))
    pool = ModelPool(db, base.configured, Prices({"listed-*": Price(output_micros=3)}), "test")
    assert (await pool.take(need(model))).price == Price(output_micros=3)


async def test_unknown_and_forbidden_models_are_told_apart(pool: Made) -> None:
    mine = pool.route(await pool.deploy(), owners=["owner-a"])
    with pytest.raises(ModelUnknown) as unknown:
        await pool.pool.take(need("nothing-such"))
    with pytest.raises(ModelUnknown) as forbidden:
        await pool.pool.take(need(mine, owner="owner-b"))
    assert (unknown.value.forbidden, forbidden.value.forbidden) == (False, True)
    assert await chosen(pool, mine)


async def test_before_the_configuration_was_read_nothing_is_said_about_models(db: Database) -> None:
    pool = ModelPool(db, Configured(Snapshot()), Prices({}), "test")
    with pytest.raises(Unavailable):
        await pool.take(need("small"))


@pytest.mark.parametrize(
    ("asked", "version", "sent"),
    [("w-one", "", "w-one"), ("w-one@2", "2", "w-one"), ("w-one@x", "", "w-one@x")],
)
async def test_any_model_goes_upstream_by_the_name_that_was_asked_for(
    pool: Made, asked: str, version: str, sent: str
) -> None:
    mark = new_name("m")
    pool.route(await pool.deploy(model="*"), name=f"{mark}-*", version=version)
    assert (await pool.pool.take(need(f"{mark}-{asked}"))).upstream_model == f"{mark}-{sent}"


async def test_what_failed_this_call_is_not_chosen_again(pool: Made) -> None:
    first, second = await pool.deploy(), await pool.deploy()
    model = pool.route(first, second)
    granted = await pool.pool.take(need(model, tried=frozenset({first})))
    assert granted.deployment.id == second
    assert granted.reason == f"{second} is the only one that can answer ({first} has failed this call)"
    with pytest.raises(ModelRejected) as rejected:
        await pool.pool.take(need(model, tried=frozenset({first, second})))
    assert "has failed this call" in str(rejected.value)


async def test_a_call_that_nothing_is_able_to_answer_is_rejected(pool: Made) -> None:
    model = pool.route(await pool.deploy(capabilities=["tools"], context_tokens=50))
    with pytest.raises(ModelRejected) as rejected:
        await pool.pool.take(need(model, capabilities=frozenset({Capability.VISION})))
    assert not isinstance(rejected.value, ModelContextTooLong)
    with pytest.raises(ModelRejected):
        await pool.pool.take(need(model, endpoint=Endpoint.EMBEDDINGS))
    with pytest.raises(ModelRejected):
        await pool.pool.take(need(pool.route("d-unknown")))


async def test_a_call_that_nothing_is_large_enough_for_is_told_so(pool: Made) -> None:
    narrow, sized = await pool.deploy(context_tokens=50), await pool.deploy()
    model = pool.route(narrow, RouteTarget(deployment_id=sized, max_input_tokens=40))
    with pytest.raises(ModelContextTooLong) as error:
        await pool.pool.take(need(model, input_tokens=45, max_output_tokens=6))
    assert "45 tokens of input and 6 of output" in str(error.value)
    assert await chosen(pool, model, input_tokens=40, max_output_tokens=11) == sized


async def test_a_call_that_waits_queues_where_an_account_is_at_its_limit(pool: Made) -> None:
    other = pool.route(await pool.deploy())
    model = pool.route(await pool.deploy(concurrency(1)), fallbacks=[other])
    granted = await pool.pool.take(need(model))
    waiting = need(model)
    with pytest.raises(NoCapacity) as error:
        await pool.pool.take(waiting)
    assert not error.value.resting
    assert 0 < (error.value.retry_after_s or 0) <= 30
    assert await _waits(pool, waiting.call_id)
    await pool.pool.settle(granted, DONE)
    assert (await pool.pool.take(waiting)).route.name == model
    assert not await _waits(pool, waiting.call_id)


async def test_a_call_that_gives_up_waits_no_more(pool: Made) -> None:
    model = pool.route(await pool.deploy(concurrency(1)))
    await pool.pool.take(need(model))
    waiting = need(model)
    with pytest.raises(NoCapacity):
        await pool.pool.take(waiting)
    await pool.pool.give_up(waiting.call_id)
    assert not await _waits(pool, waiting.call_id)


async def _waits(pool: Made, call_id: str) -> bool:
    return bool(await pool.db.fetch("SELECT FROM lease_waiter WHERE id = $1", call_id))


async def test_a_call_that_does_not_wait_or_has_failed_elsewhere_falls_back_from_a_full_route(pool: Made) -> None:
    other = pool.route(await pool.deploy())
    failed = await pool.deploy()
    model = pool.route(await pool.deploy(concurrency(1)), failed, fallbacks=["gone-model", other])
    assert await chosen(pool, model)
    pool.deployments[failed] = pool.deployments[failed].model_copy(update={"disabled": True})
    pool.route(name=new_name("publishes"))
    at_once = await pool.pool.take(need(model, waits=False))
    assert at_once.route.name == other
    assert at_once.reason.startswith(f"{model} has none that can answer, {other} is a fallback of it: ")
    retried = need(model, tried=frozenset({failed}))
    assert (await pool.pool.take(retried)).route.name == other
    assert not await _waits(pool, retried.call_id)


async def test_a_call_that_waits_falls_back_from_a_route_that_is_out_of_use(pool: Made) -> None:
    parked, disabled = await pool.deploy(), await pool.deploy(disabled=True)
    spare = await pool.deploy(concurrency(1))
    model = pool.route(parked, disabled, fallbacks=[pool.route(spare)])
    await pool.db.fetch("UPDATE pool_account SET parked_at = now() WHERE id = $1", pool.account_of(parked))
    granted = await pool.pool.take(need(model))
    assert granted.deployment.id == spare
    waiting = need(model)
    with pytest.raises(NoCapacity) as error:
        await pool.pool.take(waiting)
    assert not error.value.resting
    assert await _waits(pool, waiting.call_id), "for the fallback"


async def test_a_fallback_must_be_the_owners_to_use_and_its_own_fallbacks_do_not_count(pool: Made) -> None:
    theirs = pool.route(await pool.deploy(), owners=["owner-b"])
    third = pool.route(await pool.deploy())
    second = pool.route(await pool.deploy(disabled=True), fallbacks=[third])
    model = pool.route(await pool.deploy(disabled=True), fallbacks=[theirs, second])
    with pytest.raises(NoCapacity) as error:
        await pool.pool.take(need(model))
    assert error.value.resting
    assert error.value.retry_after_s == 30


async def test_a_fallback_by_its_own_name_answers_any_model(pool: Made) -> None:
    mark = new_name("m")
    pool.route(await pool.deploy(model="*"), name=f"{mark}-*")
    model = pool.route(await pool.deploy(disabled=True), fallbacks=[f"{mark}-b"])
    assert (await pool.pool.take(need(model))).upstream_model == f"{mark}-b"


async def test_the_reason_names_who_was_passed_over(pool: Made) -> None:
    full, free = await pool.deploy(requests(1, 60)), await pool.deploy()
    model = pool.route(full, free)
    assert await chosen(pool, model) == full
    granted = await pool.pool.take(need(model))
    assert granted.reason == f"{free} is the first in the route's order that is free ({full} is at its limit)"


async def test_a_long_list_of_who_was_passed_over_is_cut(pool: Made) -> None:
    off = [await pool.deploy(disabled=True) for _ in range(8)]
    granted = await pool.pool.take(need(pool.route(*off, await pool.deploy())))
    assert granted.reason.endswith(", and 3 more)")


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_every_strategy_chooses_and_says_why(pool: Made, strategy: Strategy) -> None:
    two = [await pool.deploy(), await pool.deploy()]
    granted = await pool.pool.take(need(pool.route(*two, strategy=strategy)))
    assert granted.deployment.id in two
    assert granted.reason.startswith(granted.deployment.id)


async def test_the_fastest_lately_is_chosen(pool: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.llm.pool.paces.FRESH_S", -1.0)
    slow, fast = await pool.deploy(), await pool.deploy()
    model = pool.route(slow, fast, strategy=Strategy.FASTEST)
    for first_token_ms in (900, 90):
        await called(pool, model, LeaseEnd(OK, first_token_ms=first_token_ms))
    assert await chosen(pool, model) == fast
    assert await chosen(pool, model) == fast


async def test_paces_are_read_once_a_second_at_most(pool: Made) -> None:
    model = pool.route(await pool.deploy(), await pool.deploy(), strategy=Strategy.FASTEST)
    await called(pool, model, LeaseEnd(OK, first_token_ms=900))
    assert (await pool.pool._paces.now()) is (await pool.pool._paces.now())  # pyright: ignore[reportPrivateUsage]  the same copy


async def test_by_weight_chance_decides(db: Database) -> None:
    pool = made(db, chance=(0.1, 0.9))
    heavy, light = await pool.deploy(weight=3), await pool.deploy()
    model = pool.route(heavy, light, strategy=Strategy.WEIGHTED)
    assert [await chosen(pool, model) for _ in range(2)] == [heavy, light]


async def test_a_session_stays_with_the_deployment_that_answered_it(pool: Made) -> None:
    first, second = await pool.deploy(), await pool.deploy()
    model = pool.route(first, second, strategy=Strategy.ROUND_ROBIN, sticky_s=60)
    stays = await called(pool, model, DONE, session="s-1")
    others = [await chosen(pool, model) for _ in range(4)]
    assert set(others) == {first, second}
    for _ in range(3):
        again = await pool.pool.take(need(model, session="s-1"))
        assert again.deployment.id == stays.deployment.id
        assert again.reason.startswith(f"{stays.deployment.id} is where the session stays")
    (row,) = await pool.db.fetch("SELECT session FROM sticky_session WHERE route = $1", model)
    assert "s-1" not in row["session"]


async def test_a_session_moves_when_its_deployment_cannot_answer_or_its_time_is_over(pool: Made) -> None:
    first, second = await pool.deploy(), await pool.deploy()
    model = pool.route(first, second, sticky_s=60)
    await called(pool, model, DONE, session="s-1", tried=frozenset({first}))
    assert await chosen(pool, model, session="s-1") == second
    assert await chosen(pool, model, session="s-1", owner="owner-b") == first, "another's session"
    await called(pool, model, DONE, session="s-1", tried=frozenset({second}))
    assert await chosen(pool, model, session="s-1") == first
    await called(pool, model, DONE, session="s-1", tried=frozenset({first}))
    await pool.db.fetch("UPDATE sticky_session SET until = now() WHERE route = $1", model)
    assert await chosen(pool, model, session="s-1") == first


async def test_a_session_of_a_route_that_is_not_sticky_is_forgotten(pool: Made) -> None:
    model = pool.route(await pool.deploy())
    await called(pool, model, DONE, session="s-1")
    assert await pool.db.fetch("SELECT FROM sticky_session WHERE route = $1", model) == []


async def test_ending_a_lease_may_be_a_part_of_another_transaction(pool: Made) -> None:
    granted = await pool.pool.take(need(pool.route(await pool.deploy())))
    with pytest.raises(RuntimeError):
        await _settle_and_fail(pool, granted)
    (lease,) = await rows(pool.db, granted.account.id)
    assert lease["ended_at"] is None
    async with pool.db.transaction() as tx:
        settled = await pool.pool.settle_in(tx, granted, DONE)
    await pool.pool.heed(granted, DONE, settled)
    (lease,) = await rows(pool.db, granted.account.id)
    assert (lease["outcome"], lease["tokens"]) == (OK, 15)


async def _settle_and_fail(pool: Made, granted: Granted) -> None:
    async with pool.db.transaction() as tx:
        assert (await pool.pool.settle_in(tx, granted, DONE)).closed
        raise RuntimeError


async def test_ending_a_lease_again_changes_nothing(pool: Made) -> None:
    as_port: Pool = pool.pool
    granted = await as_port.take(need(pool.route(await pool.deploy())))
    for tokens in (5, 500):
        await as_port.settle(granted, LeaseEnd(OK, Usage(output_tokens=tokens)))
    assert [row["tokens"] for row in await rows(pool.db, granted.account.id)] == [5]


async def test_an_unused_lease_gives_its_place_back(pool: Made) -> None:
    model = pool.route(await pool.deploy(requests(1, 3600)))
    for _ in range(3):
        await called(pool, model, LeaseEnd(UNUSED))


async def test_no_secret_stands_in_what_is_logged_or_raised(pool: Made, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    granted = await pool.pool.take(need(pool.route(await pool.deploy())))
    assert "'key'" not in repr(granted)
    assert "key" not in caplog.text.split()
