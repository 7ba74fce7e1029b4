"""Shows that something long is under way: a spinner in a terminal, a line every ten seconds elsewhere."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from rich.console import Console

LINE_EVERY_S: Final = 10.0


class Teller:
    """Tells a person what set-up and supervisor do.

    Args:
        console: Where to; a terminal gets a spinner and colours.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """One line of text."""
        self.console.print(text, markup=False, soft_wrap=True)

    @asynccontextmanager
    async def during(self, what: str) -> AsyncIterator[None]:
        """Show that `what` goes on, with the seconds it has taken."""
        started = time.monotonic()
        if self.console.is_terminal:
            show, every_s = self._spin(what), 1.0
        else:
            show, every_s = self._line(what), LINE_EVERY_S
        task = asyncio.create_task(_tick(show.step, started, every_s))
        try:
            yield
        finally:
            task.cancel()
            show.close()

    def _spin(self, what: str) -> "_Shown":
        status = self.console.status(what)
        status.start()
        return _Shown(lambda passed: status.update(f"{what} ({passed:.0f} s)"), status.stop)

    def _line(self, what: str) -> "_Shown":
        return _Shown(lambda passed: self.say(f"{what}: {passed:.0f} s so far"), lambda: None)


class _Shown:
    def __init__(self, step: Callable[[float], None], close: Callable[[], None]) -> None:
        self.step = step
        self.close = close


async def _tick(step: Callable[[float], None], started: float, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        step(time.monotonic() - started)
