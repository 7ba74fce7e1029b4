import asyncio
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.purging import Keep, PurgeKind
from services.storage.database import Database
from services.storage.pool_rollup import FIRST_TOKEN_MS, LOST_AFTER_S, TOTAL_MS, Total, roll_up, totals
from services.storage.purging import sweep
from tests.storage.leases import lease, unique

Act = Literal["ok", "model_throttled", "unused", "settle", "roll_up", "purge"]


async def rolled_up(db: Database) -> None:
    while await roll_up(db):
        pass


async def totals_of(db: Database, account: str) -> dict[str, Total]:
    """Return an account's totals by outcome."""
    return {total.outcome: total for total in await totals(db, 100_000) if total.account_id == account}


async def test_ended_leases_are_added_by_outcome_with_their_sums(db: Database) -> None:
    account = unique("a")
    for ms in (100, 101, 300_001):
        await lease(db, account, total_ms=ms, first_token_ms=50)
    await lease(db, account, outcome="model_throttled", first_token_ms=None, cost_micros=0)
    await rolled_up(db)
    found = await totals_of(db, account)
    ok = found["ok"]
    assert set(found) == {"ok", "model_throttled"}
    assert (ok.calls, ok.input_tokens, ok.cached_tokens, ok.output_tokens, ok.cost_micros) == (3, 300, 120, 60, 21)
    assert (ok.total_ms, ok.first_token_ms, ok.first_tokens) == (300_202, 150, 3)
    assert (ok.route, ok.deployment_id) == ("r", f"{account}-d")
    assert (found["model_throttled"].calls, found["model_throttled"].first_tokens) == (1, 0)


async def test_a_bucket_holds_what_is_up_to_its_bound_and_the_last_what_is_above(db: Database) -> None:
    account = unique("a")
    for bound in TOTAL_MS:
        await lease(db, account, total_ms=bound, first_token_ms=None)
    await lease(db, account, total_ms=TOTAL_MS[-1] + 1, first_token_ms=FIRST_TOKEN_MS[-1] + 1)
    await lease(db, account, total_ms=0, first_token_ms=0)
    await rolled_up(db)
    ok = (await totals_of(db, account))["ok"]
    assert ok.total_buckets == (2, *[1] * len(TOTAL_MS))
    assert ok.first_token_buckets == (1, *[0] * (len(FIRST_TOKEN_MS) - 1), 1)


async def test_buckets_of_many_roll_ups_are_summed(db: Database) -> None:
    account = unique("a")
    for _ in range(3):
        await lease(db, account, total_ms=200, first_token_ms=None)
        await rolled_up(db)
    ok = (await totals_of(db, account))["ok"]
    assert (ok.calls, ok.total_buckets[1], sum(ok.total_buckets), sum(ok.first_token_buckets)) == (3, 3, 3, 0)


async def test_money_that_was_only_reckoned_with_does_not_count(db: Database) -> None:
    account = unique("a")
    await lease(db, account, outcome="timeout", tokens=5000, cost_micros=900, input_tokens=0, output_tokens=0)
    await rolled_up(db)
    assert (await totals_of(db, account))["timeout"].cost_micros == 0


async def test_open_and_unused_leases_add_nothing(db: Database) -> None:
    account = unique("a")
    await lease(db, account, ended_ago_s=None)
    await lease(db, account, outcome="unused")
    await rolled_up(db)
    assert await totals_of(db, account) == {}


async def test_a_lease_nobody_settles_is_lost_in_the_end_and_a_late_word_changes_nothing(db: Database) -> None:
    account = unique("a")
    await lease(db, account, ended_ago_s=None, expired_ago_s=LOST_AFTER_S - 60)
    late = await lease(db, account, ended_ago_s=None, expired_ago_s=LOST_AFTER_S + 60)
    await rolled_up(db)
    await db.fetch("UPDATE lease SET ended_at = clock_timestamp(), outcome = 'ok' WHERE id = $1", late)
    await rolled_up(db)
    (lost,) = (await totals_of(db, account)).values()
    assert (lost.outcome, lost.calls, lost.input_tokens, lost.cost_micros) == ("lost", 1, 0, 0)


async def test_processes_that_roll_up_at_once_count_each_lease_once(db: Database) -> None:
    account = unique("a")
    for _ in range(30):
        await lease(db, account)
    await asyncio.gather(*(roll_up(db, 7) for _ in range(20)))
    await rolled_up(db)
    assert (await totals_of(db, account))["ok"].calls == 30


async def test_while_another_process_is_at_it_nothing_is_done(db: Database) -> None:
    account = unique("a")
    await lease(db, account)
    async with db.transaction() as tx:
        await roll_up(tx)
        assert await roll_up(db) == 0
    assert (await totals_of(db, account))["ok"].calls == 1


async def test_the_busiest_are_shown_when_there_are_too_many(db: Database) -> None:
    for _ in range(3):
        await lease(db, unique("a"))
    await rolled_up(db)
    shown = await totals(db, 2)
    assert len({(total.account_id, total.deployment_id, total.route) for total in shown}) == 2


async def played(db: Database, account: str, act: Act) -> None:
    """Let one thing happen that may happen to leases."""
    if act == "roll_up":
        await roll_up(db, 2)
    elif act == "purge":
        await sweep(db, PurgeKind.LEASES, Keep(lease_days=1), batch=2)
    elif act == "settle":
        await db.fetch(
            "UPDATE lease SET ended_at = clock_timestamp() - interval '3 days', outcome = 'ok', input_tokens = 5 "
            "WHERE id = (SELECT id FROM lease WHERE account_id = $1 AND ended_at IS NULL LIMIT 1)",
            account,
        )
    else:
        await lease(db, account, outcome=act, ended_ago_s=3 * 86_400.0)
        await lease(db, account, ended_ago_s=None)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(["ok", "model_throttled", "unused", "settle", "roll_up", "purge"]), min_size=5, max_size=25
    )
)
async def test_counters_never_go_back_and_end_at_what_happened(db: Database, acts: list[Act]) -> None:
    account = unique("a")
    before: dict[str, Total] = {}
    for act in acts:
        await played(db, account, act)
        now = await totals_of(db, account)
        for outcome, total in before.items():
            assert now[outcome].calls >= total.calls
            assert now[outcome].input_tokens >= total.input_tokens
            assert all(a >= b for a, b in zip(now[outcome].total_buckets, total.total_buckets, strict=True))
        before = now
    ended = sum(act in {"ok", "model_throttled"} for act in acts) + settled(acts)
    await rolled_up(db)
    assert sum(total.calls for total in (await totals_of(db, account)).values()) == ended


def settled(acts: list[Act]) -> int:
    """Return how many of the open leases are settled in a story."""
    open_leases = done = 0
    for act in acts:
        if act == "settle" and open_leases:
            open_leases, done = open_leases - 1, done + 1
        elif act in {"ok", "model_throttled", "unused"}:
            open_leases += 1
    return done
