"""Lock files pin and hash every line, and name no address: whatever index a machine has serves them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT

LOCKS = sorted(ROOT.glob("requirements*.txt"))
_PINNED = re.compile(r"[\w.-]+(?:\[[\w,.-]+\])?==[\w.+!-]+(?: ; [^;]+?)?(?: --hash=sha256:[0-9a-f]{64})+")
HASH = f"--hash=sha256:{'0' * 64}"


def loose_lines(text: str) -> Iterator[str]:
    """Yield the requirements that are not a name, a version and hashes."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    for line in joined.splitlines():
        requirement = line.partition("#")[0].strip()
        if requirement and not _PINNED.fullmatch(requirement):
            yield requirement
        if "://" in line:
            yield line.strip()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    assert list(loose_lines(lock.read_text(encoding="utf-8"))) == []


def test_both_locks_are_there() -> None:
    assert [lock.name for lock in LOCKS] == ["requirements-dev.txt", "requirements.txt"]


@pytest.mark.parametrize(
    "line",
    [
        "httpx",
        "httpx==1.0",
        f"httpx>=1.0 \\\n    {HASH}",
        "httpx==1.0 --hash=sha256:abc",
        f"httpx @ https://example.org/httpx.whl {HASH}",
        "--index-url https://example.org/simple",
        "-r requirements.txt",
        f"httpx==1.0 {HASH}\n    # from https://example.org",
    ],
)
def test_a_loose_requirement_is_found(line: str) -> None:
    assert list(loose_lines(line))


def test_a_pinned_requirement_passes() -> None:
    marked = f"uvloop[extra]==1.0 ; sys_platform != 'win32' \\\n    {HASH} \\\n    {HASH}\n    # via server\n"
    assert not list(loose_lines(marked))
