"""One answer to Prometheus: what this process knows always, what the database knows if it says so in time."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from api.scraping.ledger_families import ledger_families
from api.scraping.pool_families import state_families, total_families
from domain.errors import Unavailable
from services.ledger import checks
from services.ledger.checks import CheckStanding
from services.storage.database import Database
from services.storage.pool_rollup import Total, roll_up, totals
from services.storage.views.pool_metrics import PoolState, pool_state

ROLL_UP_S: Final = 0.5
"""For how long one scrape adds ended leases to the counters; what is left waits for the next one, or for the purge."""
DATABASE_S: Final = 1.5
"""Bound on all that a scrape asks of the database."""


@dataclass(frozen=True)
class PoolFigures:
    """What the database told."""

    totals: Sequence[Total]
    state: PoolState
    ledger: Sequence[CheckStanding] = ()


class Scrape:
    """What `prometheus_client` takes for a registry: its families were collected before."""

    def __init__(self, own: Iterable[Metric], pool: PoolFigures | None) -> None:
        """Take this process's families and, if the database answered, the pool's figures."""
        self._families = [*own, *_pool_families(pool)]

    def collect(self) -> Iterable[Metric]:
        """Return all families."""
        return self._families


async def read_pool(database: Database) -> PoolFigures | None:
    """Roll up what has ended, and read the pool's figures; None: the database does not answer in time."""
    try:
        async with asyncio.timeout(DATABASE_S):
            await _roll_up(database)
            return PoolFigures(await totals(database), await pool_state(database), await checks.standing(database))
    except (Unavailable, TimeoutError):
        return None


async def _roll_up(database: Database) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + ROLL_UP_S
    while loop.time() < until and await roll_up(database):
        pass


def _pool_families(pool: PoolFigures | None) -> Iterable[Metric]:
    up = GaugeMetricFamily(
        "longhaul_database_up",
        "1 when the database answered this scrape in time; else the pool's figures are missing from it.",
        value=int(pool is not None),
    )
    return (
        [up]
        if pool is None
        else chain([up], total_families(pool.totals), state_families(pool.state), ledger_families(pool.ledger))
    )
