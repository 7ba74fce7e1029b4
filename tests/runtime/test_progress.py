"""Long work shows that it goes on, in a terminal and in a log."""

import asyncio
import io

import pytest
from rich.console import Console

from runtime.local import progress
from runtime.local.progress import Teller


async def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.05)
    out = io.StringIO()
    async with asyncio.timeout(5), Teller(Console(file=out)).during("Building"):
        while out.getvalue().count("Building: 0 s so far\n") < 2:
            await asyncio.sleep(0.02)


async def test_a_terminal_gets_a_spinner_that_goes_away() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80)
    async with Teller(console).during("Building"):
        await asyncio.sleep(0)
    assert "Building" in out.getvalue()
    assert "\x1b[2K" in out.getvalue()


def test_brackets_in_a_text_are_not_markup() -> None:
    out = io.StringIO()
    Teller(Console(file=out)).say("the [bold] postgres://[::1]/")
    assert out.getvalue() == "the [bold] postgres://[::1]/\n"
