"""Named points round what moves money, where a test may kill the process, fail the work or hang it.

Unarmed, as everywhere but in tests, a point is one comparison. Armed, a folder of files says what happens: a file named
like a point and its side (`journal.end.after`) holds the action's name. It acts once, in whichever process comes there
first, and is renamed by that process to end with its process id.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Final

from domain.errors import Unavailable


class Point(StrEnum):
    """Where it may happen: before or after a piece of work that moves money, or lets it be moved."""

    CALL_ACCEPT = "call.accept"
    """A gateway call gets its row, and the hold on its wallet."""
    REQUEST_ACCEPT = "request.accept"
    """A request gets its row, and the hold on its wallet."""
    JOURNAL_OPEN = "journal.open"
    """A call of a model is journaled; then it is made."""
    JOURNAL_END = "journal.end"
    """Its end is journaled, and its cost posted; of a gateway call also the call's end, and its hold released."""
    CALL_END = "call.end"
    """A gateway call ends without a call of a model that could end it; its hold is released."""
    RECORD = "record"
    """A workflow's events are stored: a request's last one releases its hold."""
    HOLD_RAISE = "hold.raise"
    """What is held for a request is raised with its budget."""
    WALLET_MOVE = "wallet.move"
    """A wallet is topped up or adjusted, or a posting given back."""
    RECONCILE = "reconcile"
    """An orphaned hold is closed."""


class Action(StrEnum):
    """What happens."""

    KILL = "kill"
    """This process dies at once, as by SIGKILL."""
    FAIL = "fail"
    """The work raises `Unavailable`, as when the database does not answer."""
    HANG = "hang"
    """The work goes no further."""


BEFORE: Final = "before"
AFTER: Final = "after"

_NOTHING: Final = nullcontext()
_armed: Path | None = None


def arm(folder: Path | None) -> None:
    """Have the points of this process look into a folder; None: unarm them."""
    global _armed  # noqa: PLW0603  one for the process, set by whoever composes it
    _armed = folder


def around(point: Point) -> AbstractAsyncContextManager[None]:
    """Return the block that a point lies round; its `after` is reached only when the block ends well."""
    return _NOTHING if _armed is None else _around(point, _armed)


@asynccontextmanager
async def _around(point: Point, folder: Path) -> AsyncGenerator[None]:
    await _reach(folder, f"{point}.{BEFORE}")
    yield
    await _reach(folder, f"{point}.{AFTER}")


async def _reach(folder: Path, name: str) -> None:
    match _taken(folder / name):
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.FAIL:
            raise Unavailable(f"the failpoint {name} is armed", retry_after_s=0.1)
        case Action.HANG:
            await asyncio.Event().wait()
        case None:
            return


def _taken(file: Path) -> Action | None:
    """Return what is to happen at a point, once: whoever renames its file has it."""
    try:
        action = Action(file.read_text().strip())
        file.rename(file.with_name(f"{file.name}.{os.getpid()}"))
    except FileNotFoundError:
        return None
    return action
