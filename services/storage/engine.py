"""How connections are made: addresses, time-outs, the pool and its recovery after a database restart."""

from typing import cast

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine.interfaces import AdaptedConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_MS = 10_000
COMMAND_TIMEOUT_S = 15.0
"""The client's own bound, for a server that no longer speaks at all."""

_SETTINGS = {
    "application_name": "longhaul",
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": "30000",
    "timezone": "UTC",
    "jit": "off",
}


def plain(url: str) -> str:
    """Return the address as asyncpg and libpq take it: `postgresql://…`."""
    return f"postgresql://{_after_scheme(url)}"


def sqlalchemy_url(url: str) -> str:
    """Return the address as SQLAlchemy takes it: `postgresql+asyncpg://…`."""
    return f"postgresql+asyncpg://{_after_scheme(url)}"


def make(url: str, pool_size: int) -> AsyncEngine:
    """Return an engine whose connections are in autocommit: `Database` sends BEGIN and COMMIT itself."""
    made = create_async_engine(
        sqlalchemy_url(url),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": COMMAND_TIMEOUT_S,
            "server_settings": _SETTINGS,
        },
    )
    event.listen(made.sync_engine, "checkout", _refuse_closed)
    return made


def _after_scheme(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
        raise ValueError("a database address starts with postgresql://")
    return rest


def _refuse_closed(adapted: AdaptedConnection, _record: object, _proxy: object) -> None:
    """Replace connections that the server has closed, without a round trip: asyncpg saw the socket end."""
    if cast("asyncpg.Connection", adapted.driver_connection).is_closed():
        raise InvalidatePoolError
