"""Calling Temporal within limits: a server that does not answer is `Unavailable` within two seconds, never a hang."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import Unavailable

RPC_TIMEOUT: Final = timedelta(seconds=1.5)
PATIENCE_S: Final = 1.8
"""Bound on a call with the SDK's own retries."""

_DOWN: Final = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
    }
)

_UNKNOWN_ATTRIBUTE: Final = "has no mapping defined"
"""What a server says for a second or two after search attributes were registered."""


@asynccontextmanager
async def answering(limit_s: float = PATIENCE_S) -> AsyncIterator[None]:
    """Run a call of Temporal.

    Raises:
        Unavailable: It did not answer within the limit.
    """
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise Unavailable("Temporal does not answer") from error
    except RPCError as error:
        if _UNKNOWN_ATTRIBUTE in error.message:
            raise Unavailable("Temporal has not learnt our search attributes yet") from error
        if error.status not in _DOWN:
            raise
        raise Unavailable("Temporal does not answer") from error
    except RuntimeError as error:  # how the SDK says that a lazy client cannot connect
        if "connect" not in str(error):
            raise
        raise Unavailable("Temporal does not answer") from error


async def ping(client: Client) -> None:
    """Answer when the Temporal server does.

    Raises:
        Unavailable: It does not, within a second.
    """
    async with answering(1.0):
        await client.service_client.check_health(timeout=timedelta(seconds=1))


def is_not_found(error: RPCError) -> bool:
    """Whether a workflow does not exist, or has ended."""
    return error.status is RPCStatusCode.NOT_FOUND
