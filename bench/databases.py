"""The databases of one PostgreSQL: made on demand, and what each has committed and written so far."""

import statistics
import time
from dataclasses import dataclass
from typing import Final, Self

import asyncpg
from sqlalchemy import make_url

FLUSH_S: Final = 10.5
"""An idle PostgreSQL session reports its counts within ten seconds (PGSTAT_IDLE_INTERVAL in pgstat.c)."""

_COUNTS: Final = """
SELECT datname, xact_commit AS commits, tup_inserted + tup_updated + tup_deleted AS rows
FROM pg_stat_database WHERE datname IS NOT NULL"""


@dataclass(frozen=True)
class Counts:
    """Transactions committed and rows written."""

    commits: float = 0.0
    rows: float = 0.0

    def __sub__(self, other: Self) -> "Counts":
        return Counts(self.commits - other.commits, self.rows - other.rows)

    def __add__(self, other: Self) -> "Counts":
        return Counts(self.commits + other.commits, self.rows + other.rows)

    def times(self, factor: float) -> "Counts":
        """The same, multiplied."""
        return Counts(self.commits * factor, self.rows * factor)


class Databases:
    """A PostgreSQL that listens on a Unix socket.

    Args:
        address: One of its databases, as SQLAlchemy writes it.
    """

    def __init__(self, address: str) -> None:
        self._url = make_url(address)
        self.user = self._url.username or ""
        self.sockets = str(self._url.query["host"])

    def address(self, database: str) -> str:
        """The address of another database, as SQLAlchemy writes it."""
        return self._url.set(database=database).render_as_string(hide_password=False)

    async def create(self, *names: str) -> None:
        """Make databases."""
        connection = await self._connect()
        try:
            for name in names:
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    async def counts(self) -> dict[str, Counts]:
        """What each database has done since it was made."""
        connection = await self._connect()
        try:
            rows = await connection.fetch(_COUNTS)
        finally:
            await connection.close()
        return {row["datname"]: Counts(row["commits"], row["rows"]) for row in rows}

    async def version(self) -> str:
        """The server's version, such as `18.4`."""
        connection = await self._connect()
        try:
            return str(await connection.fetchval("SHOW server_version"))
        finally:
            await connection.close()

    async def commit_ms(self, count: int = 100) -> float:
        """What a commit of one row costs on this disk, the median in milliseconds."""
        connection = await self._connect()
        took: list[float] = []
        try:
            await connection.execute("CREATE TABLE commit_cost (number int)")
            for number in range(count):
                began = time.perf_counter()
                await connection.execute("INSERT INTO commit_cost VALUES ($1)", number)
                took.append(time.perf_counter() - began)
            await connection.execute("DROP TABLE commit_cost")
        finally:
            await connection.close()
        return statistics.median(took) * 1000

    async def _connect(self) -> "asyncpg.Connection":
        return await asyncpg.connect(host=self.sockets, user=self.user, database="postgres", timeout=5)
