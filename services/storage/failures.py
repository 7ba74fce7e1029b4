"""From a driver's error to ours, in one place."""

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from domain.errors import Unavailable

ENDED = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,  # the connection is closed
    asyncpg.InternalClientError,  # it was closed while idle, and asyncpg stumbles over the server's last message
)
"""What a statement on a connection that is over raises."""

_GONE = (
    *ENDED,
    OSError,  # also TimeoutError: the connect or command time-out
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement time-out
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # deadlock: the same work succeeds when repeated
    asyncpg.IdleInTransactionSessionTimeoutError,
    NoConnectionLeft,
)


def is_outage(error: BaseException | None) -> bool:
    """Whether an error, or what it wraps, says that the database does not answer for now."""
    if error is None:
        return False
    if isinstance(error, _GONE):
        return True
    if isinstance(error, DBAPIError) and (error.connection_invalidated or is_outage(error.orig)):
        return True
    return isinstance(error, (SQLAlchemyError, asyncpg.PostgresError)) is False and is_outage(error.__cause__)


@contextmanager
def translated() -> Generator[None]:
    """Raise `Unavailable` for an outage; let every other error pass."""
    try:
        yield
    except Exception as error:
        if is_outage(error):
            raise Unavailable("the database does not answer") from error
        raise
