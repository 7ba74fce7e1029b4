"""Ctrl-C, SIGTERM and a closed terminal, turned into one orderly end."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager


async def run_until_signalled(main: Coroutine[object, object, int]) -> int:
    """Run a coroutine to its end, or cancel it at the first signal and wait until it has cleaned up.

    Later signals change nothing, so that an impatient Ctrl-C cannot leave processes behind.

    Returns:
        What the coroutine returned; 0 when a signal ended it.
    """
    stop = asyncio.Event()
    with _watching(stop):
        work = asyncio.ensure_future(main)
        told = asyncio.ensure_future(stop.wait())
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not work.done():
            work.cancel()
        try:
            return await work
        except asyncio.CancelledError:
            return 0


@contextmanager
def _watching(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asks us to outlive the terminal
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
