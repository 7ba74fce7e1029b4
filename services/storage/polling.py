"""Keeping a process's copy of something in the database true: looking for changes again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

from domain.errors import Unavailable

_log = logging.getLogger(__name__)


async def poll(refresh: Callable[[], Awaitable[None]], every_s: float, what: str) -> NoReturn:
    """Call `refresh` every so many seconds until cancelled. What fails is tried again; `what` names it in the log."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await refresh()
        except Unavailable:
            continue
        except Exception:  # noqa: BLE001  a copy that grows old is better than none, and the next look may succeed
            _log.exception("%s could not be read", what)
