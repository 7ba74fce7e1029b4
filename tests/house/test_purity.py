"""`domain`, `contracts` and `workflows` read no clock, no random, no environment, and reach nothing outside."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import Source, full_name, full_names, planted, pure

MODULES = frozenset(
    {
        "time",
        "random",
        "secrets",
        "os",
        "io",
        "pathlib",
        "shutil",
        "tempfile",
        "socket",
        "ssl",
        "select",
        "http",
        "urllib.request",
        "subprocess",
        "threading",
        "multiprocessing",
        "concurrent",
    }
)
CALLS = frozenset(
    {
        *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
        *("uuid.uuid1", "uuid.uuid4", "uuid.getnode"),
        *("asyncio.to_thread", "asyncio.open_connection", "asyncio.create_subprocess_exec"),
        *("asyncio.wait", "asyncio.as_completed"),  # both go by sets; temporalio.workflow has ordered ones
        *("open", "input", "print", "breakpoint", "__import__", "builtins.open"),
    }
)


def impurities(source: Source) -> Iterator[str]:
    """Yield the imports and names that a pure room may not have."""
    known = full_names(source.tree)
    for node in ast.walk(source.tree):
        for name in _imported(node):
            if _is_forbidden(name):
                yield f"{source.at(node)}: imports {name}"
        if isinstance(node, ast.Name | ast.Attribute) and (name := full_name(node, known)) in CALLS:
            yield f"{source.at(node)}: uses {name}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _is_forbidden(name: str) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:length]) in MODULES for length in range(1, len(parts) + 1))


def test_pure_rooms_are_pure() -> None:
    assert [finding for source in pure() for finding in impurities(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "import random as dice",
        "from os import environ",
        "import os.path",
        "from urllib.request import urlopen",
        "from urllib import request",
        "import socket",
        "from datetime import datetime as d\nd.now()",
        "import datetime\ndatetime.datetime.utcnow()",
        "import datetime\ntoday = datetime.date.today",
        "from uuid import uuid4",
        "import uuid\nuuid.uuid4()",
        "def f(p):\n    with open(p) as file:\n        return file",
        "import asyncio\nasync def f(tasks):\n    await asyncio.wait(tasks)",
    ],
)
def test_impurity_is_found(text: str) -> None:
    used = text if text != "from uuid import uuid4" else f"{text}\nuuid4()"
    assert list(impurities(planted(used)))


def test_what_is_pure_passes() -> None:
    text = "import uuid\nfrom temporalio import workflow\nuuid.UUID(int=1)\nworkflow.now()\nworkflow.random()"
    assert list(impurities(planted(text))) == []
