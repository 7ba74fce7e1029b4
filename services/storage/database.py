"""The engine and its transactions. One `Database` a process; `Tx` is what every repository takes.

A transaction commits when its block ends and rolls back when it raises; work of one statement needs none, see
`services.storage.statements`. A database that does not answer, or goes away in the middle, is `Unavailable`; whether a
lost COMMIT took effect is unknown, so every write here may be repeated.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import Row as SelectedRow
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import Unavailable
from services.storage import engine
from services.storage.driver import Driver, Row
from services.storage.failures import ENDED, translated

AfterCommit = Callable[[], None]


class Tx:
    """A running transaction on one connection.

    `connection` is SQLAlchemy's, for queries; `driver` is the asyncpg connection under it, in the same transaction, for
    hot statements. JSON parameters of `driver` are JSON text, JSON results are decoded.
    """

    def __init__(self, connection: AsyncConnection, driver: Driver) -> None:
        self.connection = connection
        self.driver = driver
        self._grown: set[str] = set()
        self._callbacks: list[AfterCommit] = []

    async def fetch(self, query: str, *parameters: object) -> list[Row]:
        """Run a statement and return its rows."""
        return await self.driver.fetch(query, *parameters)

    async def select(self, query: Select[*tuple[Any, ...]]) -> Sequence[SelectedRow[*tuple[Any, ...]]]:
        """Run a query of SQLAlchemy's and return its rows."""
        rows: Sequence[SelectedRow[*tuple[Any, ...]]] = (await self.connection.execute(query)).all()
        return rows

    def grew(self, request_id: str) -> None:
        """Have the process's notifier told, after the commit, that the request's log grew."""
        self._grown.add(request_id)

    def after_commit(self, callback: AfterCommit) -> None:
        """Call `callback` once, after the commit; never when the transaction fails. It must not block or raise."""
        self._callbacks.append(callback)

    def committed(self, announce: Callable[[str], None]) -> None:
        """Announce the requests that grew and run the callbacks; `Database` calls it."""
        for request_id in self._grown:
            announce(request_id)
        for callback in self._callbacks:
            callback()


class Database:
    """A pool of connections to one PostgreSQL. Making one connects to nothing."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        """Take `postgresql://` or `postgresql+asyncpg://`; a unix socket is `postgresql://user@/name?host=/folder`."""
        self.dsn = engine.plain(url)
        self._pool_size = pool_size
        self._engine: AsyncEngine = engine.make(url, pool_size)
        self._announce: Callable[[str], None] = _nobody

    def announce_to(self, notify: Callable[[str], None]) -> None:
        """Tell `notify` the id of each request whose log grew, after the commit (see `event_writer`)."""
        self._announce = notify

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx, None]:
        """Run the block in one READ COMMITTED transaction.

        Raises:
            Unavailable: The database does not answer within 5 s, is shutting down, has no connection left, cancelled a
                statement after 10 s, or asks to try again (deadlock).
        """
        with translated():
            tx = await self._begin()
            try:
                yield tx
                await tx.driver.execute("COMMIT")
            except BaseException:
                await _abandon(tx)
                raise
            await tx.connection.close()
        tx.committed(self._announce)

    async def fetch(self, query: str, *parameters: object) -> list[Row]:
        """Run one statement as a transaction of its own, in one round trip, and return its rows.

        Raises:
            Unavailable: As `transaction`; whether the statement took effect is unknown.
        """
        with translated():
            pooled = await self._engine.raw_connection()
            try:
                return await cast("Driver", pooled.driver_connection).fetch(query, *parameters)
            finally:
                pooled.close()

    async def select(self, query: Select[*tuple[Any, ...]]) -> Sequence[SelectedRow[*tuple[Any, ...]]]:
        """Run one query of SQLAlchemy's and return its rows.

        Raises:
            Unavailable: As `transaction`.
        """
        with translated():
            async with self._engine.connect() as connection:
                rows: Sequence[SelectedRow[*tuple[Any, ...]]] = (await connection.execute(query)).all()
                return rows

    def grew(self, request_id: str) -> None:
        """Tell the process's notifier that the request's log grew."""
        self._announce(request_id)

    async def ping(self) -> None:
        """Answer when the database does.

        Raises:
            Unavailable: It does not.
        """
        async with self.transaction() as tx:
            await tx.driver.execute("SELECT 1")

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._engine.dispose()

    async def _begin(self) -> Tx:
        """Return a connection that answered BEGIN. After a restart pooled ones may be dead; each is replaced."""
        for _ in range(self._pool_size + 1):
            tx = await self._checkout()
            try:
                await tx.driver.execute("BEGIN")
            except ENDED:
                await _throw_away(tx.connection)
            except BaseException:
                await _throw_away(tx.connection)
                raise
            else:
                return tx
        raise Unavailable("the database closes every connection")

    async def _checkout(self) -> Tx:
        connection = await self._engine.connect()
        raw = await connection.get_raw_connection()
        return Tx(connection, cast("Driver", raw.driver_connection))


async def _abandon(tx: Tx) -> None:
    """Roll back; a connection that cannot even do that is thrown away."""
    usable = False
    try:
        if tx.driver.is_in_transaction():
            await tx.driver.execute("ROLLBACK")
        usable = True
    except ENDED:
        pass
    finally:
        await (tx.connection.close() if usable else _throw_away(tx.connection))


async def _throw_away(connection: AsyncConnection) -> None:
    """Give the pool a place for a new connection instead of this one."""
    await connection.invalidate()
    await connection.close()


def _nobody(request_id: str) -> None:
    """Tell nobody: this process has no event writer, readers poll."""
