"""Every way of `make bench`'s tool part makes the call that it is timed by. Tiny counts; no figure is asserted."""

from pathlib import Path

import pytest_asyncio

from bench.databases import Databases
from bench.ground import Ground
from bench.tools.lineup import ways
from bench.tools.measuring import Result, Size, measure
from bench.tools.steps import GENERATE, TOOL, WITHOUT
from bench.tools.way import SLOW_S
from runtime.local import Supervisor
from runtime.settings import Settings

TINY = Size(rounds=1, turns=1, alone={"call": 2, "activity": 1, "request": 1}, loaded=50, warm_up=1)


@pytest_asyncio.fixture(scope="module")
async def results(
    settings: Settings, database_url: str, temporal_address: str, simulator: str, state_dir: Path
) -> list[Result]:
    """A tiny run on the parts of the test run. The SDK's clients must be left by the task that entered them."""
    folder = state_dir / "bench"
    async with Supervisor(folder) as supervisor:
        parts = Ground(
            supervisor=supervisor,
            databases=Databases(database_url),
            temporal=temporal_address,
            own_temporal=False,
            model_url=f"{simulator}/",
            folder=folder,
            python={},
        )
        async with ways(parts, settings) as lineup:
            return await measure(lineup, TINY, lambda _: None, lambda: None)


async def test_every_way_is_measured(results: list[Result]) -> None:
    calls = [result for result in results if result.way.kind == "call"]
    assert [(one.way.transport, len(one.rounds[0].alone.seconds)) for one in calls] == [("http", 2), ("stdio", 2)] * 3
    others = [result for result in results if result.way.kind != "call"]
    assert [result.way.name for result in others][:3] == [TOOL, WITHOUT, GENERATE]
    assert all(len(result.rounds[0].alone.seconds) == 1 for result in others)


async def test_fifty_calls_share_one_connection_and_run_side_by_side(results: list[Result]) -> None:
    loaded = [one for result in results for one in result.rounds if one.loaded is not None]
    assert len(loaded) == 6
    for one in loaded:
        assert one.loaded is not None
        assert one.slow is not None
        assert len(one.loaded.seconds) == len(one.slow.seconds) == 50
        assert SLOW_S <= one.slow.wall_s < 50 * SLOW_S / 2
