import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from api.parts import Parts
from domain.purging import Keep, PurgeKind
from services.storage.database import Database
from services.storage.event_writer import EventWriter
from services.storage.purging import sweep
from tests.api.served import parts_like, serving
from tests.storage.cable import Cable
from tests.storage.leases import lease, unique

Json = dict[str, Any]


class Scraped:
    """The samples of one scrape."""

    def __init__(self, families: list[Metric]) -> None:
        self.families = {family.name: family for family in families}
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """Return one sample's value, None when there is none."""
        return self._samples.get((name, frozenset(labels.items())))

    def counters(self) -> dict[Any, float]:
        """Return every sample that may only grow."""
        growing = {name for name, family in self.families.items() if family.type in {"counter", "histogram"}}
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for name in growing
            for sample in self.families[name].samples
        }


async def scrape(api: httpx.AsyncClient) -> Scraped:
    answer = await api.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scraped(list(text_string_to_metric_families(answer.text)))


def place(account: str) -> dict[str, str]:
    return {"route": "r", "deployment": f"{account}-d", "account": account}


async def configure(db: Database, account: str) -> None:
    """Write an account with a provider, a deployment, limits and a breaker, as the admin API would leave them."""
    await db.fetch("INSERT INTO pool_account (id, provider_id) VALUES ($1, 'p')", account)
    await db.fetch(
        "INSERT INTO pool_deployment (id, account_id, data) VALUES ($1, $2, $3::jsonb)",
        f"{account}-d",
        account,
        '{"model": "gpt"}',
    )
    for kind, window_s, learnt, amount in (
        ("requests", 60.0, False, 100),
        ("requests", 60.0, True, 50),
        ("tokens", 60.0, False, 10_000),
        ("concurrency", 0.0, False, 4),
    ):
        await db.fetch(
            "INSERT INTO pool_limit (account_id, kind, window_s, learnt, amount) VALUES ($1, $2, $3, $4, $5)",
            account,
            kind,
            window_s,
            learnt,
            amount,
        )
    await db.fetch(
        "INSERT INTO breaker (scope, state, until) VALUES ($1, 'open', clock_timestamp() + interval '1 minute')",
        f"account:{account}",
    )


@pytest_asyncio.fixture
async def account(database: Database) -> AsyncIterator[str]:
    """An account that has answered one call, is making one, and has one that waits."""
    name = unique("acc")
    await configure(database, name)
    await lease(database, name)
    await lease(database, name, ended_ago_s=None)
    await database.fetch(
        "INSERT INTO lease_waiter (id, route, fairness_key, expected_at) "
        "VALUES ($1, $1, 'k', clock_timestamp() + interval '1 minute')",
        name,
    )
    yield name
    for statement in (
        "DELETE FROM pool_account WHERE id = $1",
        "DELETE FROM pool_deployment WHERE account_id = $1",
        "DELETE FROM pool_limit WHERE account_id = $1",
        "DELETE FROM breaker WHERE scope = 'account:' || $1",
        "DELETE FROM lease_waiter WHERE id = $1",
    ):
        await database.fetch(statement, name)


async def test_http_calls_are_counted_by_template_method_and_status(idle: httpx.AsyncClient) -> None:
    labels = {"method": "GET", "route": "/v1/requests/{request_id}", "status": "404"}
    before = (await scrape(idle)).value("longhaul_http_requests_total", **labels) or 0
    for _ in range(3):
        await idle.get(f"/v1/requests/req_{'0' * 32}")
    await idle.get("/no/such/path")
    found = await scrape(idle)
    assert found.value("longhaul_http_requests_total", **labels) == before + 3
    assert found.value("longhaul_http_requests_total", method="GET", route="(none)", status="404")
    timed = found.value("longhaul_http_request_duration_seconds_count", method="GET", route="/v1/requests/{request_id}")
    assert timed is not None
    assert timed >= 3
    assert found.value("longhaul_http_requests_in_flight") == 1, "this scrape"
    assert "/no/such/path" not in str(found.counters())


async def test_the_process_and_the_request_log_tell_of_themselves(idle: httpx.AsyncClient) -> None:
    found = await scrape(idle)
    assert found.value("process_resident_memory_bytes")
    assert found.value("longhaul_request_log_rows_dropped_total") == 0
    for name in ("longhaul_request_log_rows_written_total", "longhaul_request_log_rows_waiting"):
        assert found.value(name) is not None


async def test_text_that_waits_to_be_stored_is_told_where_there_is_some(
    idle: httpx.AsyncClient, idle_parts: Parts
) -> None:
    name = "longhaul_event_writer_waiting_characters"
    assert (await scrape(idle)).value(name) is None
    writer = EventWriter(idle_parts.database)
    await writer.delta("req_1", "s1", "call", "12345")
    async with serving(replace(parts_like(idle_parts), writer=writer)) as api:
        assert (await scrape(api)).value(name) == 5


async def test_calls_of_models_are_told_by_route_deployment_account_and_outcome(
    idle: httpx.AsyncClient, database: Database, account: str
) -> None:
    await lease(database, account, total_ms=100, first_token_ms=50)
    await lease(database, account, outcome="model_throttled", first_token_ms=None, cost_micros=0, total_ms=9000)
    found = await scrape(idle)
    where = place(account)
    assert found.value("longhaul_model_calls_total", **where, outcome="ok") == 2
    assert found.value("longhaul_model_calls_total", **where, outcome="model_throttled") == 1
    assert found.value("longhaul_model_input_tokens_total", **where) == 300
    assert found.value("longhaul_model_cached_input_tokens_total", **where) == 120
    assert found.value("longhaul_model_output_tokens_total", **where) == 60
    assert found.value("longhaul_model_cost_total", **where) == pytest.approx(14e-6)
    duration = "longhaul_model_call_duration_seconds"
    assert [found.value(f"{duration}_bucket", **where, le=le) for le in ("0.1", "0.5", "1.0", "+Inf")] == [1, 1, 2, 2]
    assert found.value(f"{duration}_sum", **where) == pytest.approx(1.1)
    assert found.value("longhaul_model_first_token_seconds_count", **where) == 2


async def test_the_pools_state_is_told(idle: httpx.AsyncClient, database: Database, account: str) -> None:
    await database.fetch("UPDATE pool_account SET parked_at = clock_timestamp() WHERE id = $1", account)
    found = await scrape(idle)
    assert found.value("longhaul_database_up") == 1
    assert found.value("longhaul_model_open_leases", **place(account)) == 1
    assert found.value("longhaul_model_waiting_calls", route=account) == 1
    assert found.value("longhaul_model_account_parked", account=account, provider="p") == 1
    assert found.value("longhaul_model_breaker_state", scope="account", id=account) == 2
    described = {"deployment": f"{account}-d", "account": account, "provider": "p", "model": "gpt"}
    assert found.value("longhaul_model_deployment_info", **described) == 1
    requests = {"account": account, "kind": "requests", "window_seconds": "60"}
    assert found.value("longhaul_model_limit", **requests) == 50, "the learnt one is smaller"
    assert found.value("longhaul_model_limit_used", **requests) == 2
    assert found.value("longhaul_model_limit_used", **{**requests, "kind": "tokens"}) == 240
    assert found.value("longhaul_model_limit_used", account=account, kind="concurrency", window_seconds="0") == 1


async def test_counters_do_not_go_back_when_leases_are_removed(
    idle: httpx.AsyncClient, database: Database, account: str
) -> None:
    await lease(database, account, ended_ago_s=9 * 86_400.0)
    before = (await scrape(idle)).counters()
    assert (await sweep(database, PurgeKind.LEASES, Keep())).rows >= 1
    after = (await scrape(idle)).counters()
    assert {key: value for key, value in before.items() if after[key] < value} == {}


async def test_openmetrics_is_answered_to_who_asks_for_it(idle: httpx.AsyncClient, account: str) -> None:
    answer = await idle.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert "# TYPE longhaul_model_calls counter\n" in answer.text
    assert account in answer.text


@pytest_asyncio.fixture
async def cut_off(idle_parts: Parts, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """An API whose database is away."""
    with tempfile.TemporaryDirectory(prefix="lh") as folder:
        cable = Cable(database_url, Path(folder))
        await cable.mend()
        far = Database(cable.url)
        async with serving(parts_like(idle_parts, database=far)) as api:
            await scrape(api)
            await cable.cut()
            yield api
        await far.close()


async def test_without_the_database_a_process_tells_its_own_figures(cut_off: httpx.AsyncClient) -> None:
    assert (await cut_off.get("/v1/requests")).status_code == 503
    found = await scrape(cut_off)
    assert found.value("longhaul_database_up") == 0
    assert found.value("longhaul_http_requests_total", method="GET", route="/v1/requests", status="503") == 1
    assert not [name for name in found.families if name.startswith("longhaul_model")]
    assert (await cut_off.get("/v1/metrics")).status_code == 503


async def test_a_database_that_hangs_does_not_hold_up_a_scrape(idle_parts: Parts, database_url: str) -> None:
    far = Database(database_url, pool_size=1)
    try:
        async with serving(parts_like(idle_parts, database=far)) as api:
            assert (await scrape(api)).value("longhaul_database_up") == 1
            async with far.transaction():
                assert (await scrape(api)).value("longhaul_database_up") == 0
    finally:
        await far.close()


async def metrics(api: httpx.AsyncClient, **query: Any) -> Json:
    answer = await api.get("/v1/metrics", params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def named(found: list[Json], name: str) -> Json:
    (one,) = (each for each in found if each["name"] == name)
    return one


async def test_the_view_has_rates_latencies_and_money_by_route_deployment_and_account(
    idle: httpx.AsyncClient, database: Database, account: str
) -> None:
    for ms in (2000, 3000):
        await lease(database, account, route=account, total_ms=ms, first_token_ms=ms // 10)
    await lease(database, account, route=account, outcome="model_unavailable", total_ms=90_000, first_token_ms=None)
    await lease(database, account, route=account, outcome="cancelled", total_ms=90_000, tokens=9000)
    await lease(database, account, route=account, outcome="unused")
    found = await metrics(idle, minutes=1)
    route = named(found["routes"], account)
    assert (route["calls"], route["errors"], route["error_rate"]) == (4, 1, 0.25)
    assert route["outcomes"] == {"ok": 2, "model_unavailable": 1, "cancelled": 1}
    assert route["calls_per_s"] == pytest.approx(4 / 60)
    assert route["total_ms"] == {"p50": 2500, "p95": 2950, "p99": 2990}
    assert route["first_token_ms"]["p50"] == 250
    assert route["output_tokens_per_s"] == pytest.approx(80 / 60)
    assert route["cost_micros"] == 21, "a cancelled call's money is only reckoned"
    assert route["waiting"] == 1
    deployment = named(found["deployments"], f"{account}-d")
    assert (deployment["calls"], deployment["account"], deployment["model"]) == (5, account, "gpt")
    assert (deployment["open_leases"], deployment["breaker"]) == (1, "closed")
    mine = named(found["accounts"], account)
    assert (mine["calls"], mine["provider"], mine["parked_at"], mine["disabled"]) == (5, "p", None, False)
    assert (mine["breaker"], mine["open_leases"]) == ("open", 1)
    assert mine["resting_until"] > found["at"]
    assert {(each["kind"], each["amount"], each["used"]) for each in mine["limits"]} >= {("requests", 50, 6)}
    assert found["total"]["calls"] >= 5


async def test_the_view_looks_back_as_far_as_it_is_asked(
    idle: httpx.AsyncClient, database: Database, account: str
) -> None:
    await lease(database, account, ended_ago_s=120.0)
    await lease(database, account, ended_ago_s=1200.0)
    await lease(database, account, ended_ago_s=4000.0)
    calls = [named((await metrics(idle, minutes=m))["accounts"], account)["calls"] for m in (1, 5, 60)]
    assert calls == [1, 2, 3]
    assert (await metrics(idle))["window_s"] == 300


async def test_who_is_configured_is_shown_without_calls(idle: httpx.AsyncClient, database: Database) -> None:
    name = unique("acc")
    await database.fetch("INSERT INTO pool_account (id, provider_id) VALUES ($1, 'p')", name)
    quiet = named((await metrics(idle))["accounts"], name)
    assert (quiet["calls"], quiet["error_rate"], quiet["total_ms"], quiet["breaker"]) == (0, 0, None, "closed")
    await database.fetch("DELETE FROM pool_account WHERE id = $1", name)


@pytest.mark.parametrize("query", [{"minutes": "2"}, {"minutes": "x"}, {"hours": "1"}])
async def test_a_wrong_question_is_a_422(idle: httpx.AsyncClient, query: Json) -> None:
    assert (await idle.get("/v1/metrics", params=query)).status_code == 422
