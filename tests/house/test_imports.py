"""The rooms import what they may: import-linter's contracts hold, and each of them can break."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from tests.house.source import ROOT

LINT = Path(sys.executable).with_name("lint-imports")
SUBJECTS = ("services/llm", "services/storage", "services/tools")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a folder with a pyproject.toml."""
    command = [str(LINT), "--no-cache", "--config", "pyproject.toml"]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, timeout=60)


def contracts() -> list[dict[str, Any]]:
    """Return the contracts of our pyproject.toml."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = configured["tool"]["importlinter"]["contracts"]
    return found


def plant(folder: Path) -> None:
    """Write our rooms anew, each with one import that its contract forbids."""
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8"), encoding="utf-8")
    forbidden = {
        room["source_modules"][0]: room["forbidden_modules"][0] for room in contracts() if "source_modules" in room
    }
    for room, other in forbidden.items():
        path = folder / room.replace(".", "/")
        path.mkdir(parents=True)
        (path / "__init__.py").write_text(f"import {other}\n", encoding="utf-8")
    for subject in SUBJECTS:
        (folder / subject).mkdir(exist_ok=True)
        (folder / subject / "__init__.py").write_text("", encoding="utf-8")
    (folder / "services/storage/__init__.py").write_text("import services.llm\n", encoding="utf-8")


def test_the_rooms_import_what_they_may() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_can_break(tmp_path: Path) -> None:
    plant(tmp_path)
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    kept = [contract["name"] for contract in contracts() if f"{contract['name']} BROKEN" not in done.stdout]
    assert kept == [], done.stdout
