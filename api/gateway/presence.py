"""Whether the client is still there: work for one that has gone away ends at once, and frees what it holds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Run the block, whose request has been read, until the client goes away; then cancel the block, and go on."""
    bound = asyncio.timeout(None)
    watching = asyncio.create_task(_expire_when_gone(receive, bound))
    try:
        async with bound:
            yield
    except TimeoutError:
        if not bound.expired():
            raise
    finally:
        watching.cancel()


async def _expire_when_gone(receive: Receive, bound: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    bound.reschedule(asyncio.get_running_loop().time())
