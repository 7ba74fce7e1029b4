"""Work that a cancellation must not tear in two: it is done to its end, the cancellation comes after."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def to_the_end(work: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """Run `work` to its end, also when the caller is cancelled meanwhile. The work must bound its own time.

    Returns:
        Its result, and whether a cancellation came; the caller answers for it.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
        except Exception:  # noqa: BLE001  the work's own error, raised below
            break
    return task.result(), cancelled
