"""Which key the command sends, and what it says without a good one."""

from dataclasses import replace
from pathlib import Path

import pytest

from cli.place import place
from tests.cli.command import Cli
from tests.keys import ADMIN_KEY


async def test_a_key_that_is_not_known_is_told_plainly(cli: Cli) -> None:
    ran = await replace(cli, key="lh_nobody")("list")
    assert (ran.code, ran.out) == (1, "")
    assert "does not know you" in ran.err
    assert "LONGHAUL_API_KEY" in ran.err
    assert "lh_nobody" not in ran.err


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A state folder with a key."""
    (tmp_path / "admin.key").write_text(f"{ADMIN_KEY}\n")
    monkeypatch.setenv("LONGHAUL_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("LONGHAUL_API_KEY", raising=False)
    return ADMIN_KEY


def test_the_kept_key_is_sent_to_this_machine_alone(kept: str) -> None:
    assert place(None).key == place("http://localhost:9/").key == place("http://[::1]:9").key == kept
    assert place("https://longhaul.example").key is None
    assert place("http://[").key is None
    assert kept not in repr(place(None))


def test_a_key_of_the_environment_goes_before_the_kept_one(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_API_KEY", "another")
    assert place("https://longhaul.example").key == place(None).key == "another" != kept


def test_without_a_kept_key_none_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGHAUL_STATE_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("LONGHAUL_API_KEY", raising=False)
    assert place(None).key is None
