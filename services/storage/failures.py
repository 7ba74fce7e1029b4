"""From a driver's error to ours, in one place."""

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from domain.errors import Unavailable
from services.storage.refusals import refusal_of

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


def is_outage(error: BaseException) -> bool:
    """Whether an error, or the driver's one that SQLAlchemy wrapped, says that the database does not answer for now."""
    if isinstance(error, DBAPIError):
        cause = None if error.orig is None else error.orig.__cause__
        return error.connection_invalidated or isinstance(cause, _GONE)
    return isinstance(error, _GONE)


@contextmanager
def translated() -> Generator[None]:
    """Raise `Unavailable` for an outage, the domain's errors for refusals of ours; let every other error pass."""
    try:
        yield
    except Exception as error:
        refused = refusal_of(error)
        if refused is not None:
            raise refused from error
        if is_outage(error):
            raise Unavailable("the database does not answer") from error
        raise
