"""Modules say what they hold: they open with a promise, have names of the field, and hide no library."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import PurePosixPath

import pytest

from tests.house.source import Source, planted, sources

EMPTY_NAMES = re.compile(r"(?:^|_)(?:utils?|helpers?|managers?|commons?|misc|base\d+)(?:_|$)")


def without_promise(source: Source) -> Iterator[str]:
    """Yield a file of the product, or one that tests share, that opens with no docstring."""
    name = PurePosixPath(source.path).name
    says_it_by_names = source.is_test and (name == "conftest.py" or name.startswith("test_"))
    if not says_it_by_names and source.text.strip() and not (ast.get_docstring(source.tree) or "").strip():
        yield f"{source.path}: no docstring"


def empty_names(paths: Iterable[str]) -> Iterator[str]:
    """Yield the files and folders whose name says nothing."""
    for path in paths:
        if any(EMPTY_NAMES.search(part.removesuffix(".py")) for part in PurePosixPath(path).parts):
            yield f"{path}: a name that says nothing"


def hidden_libraries(paths: Iterable[str], installed: Iterable[str]) -> list[str]:
    """Return the packages and top-level modules of ours that have the name of a standard or installed one."""
    ours: set[str] = set()
    for path in paths:
        parts = PurePosixPath(path).parts
        ours.update(parts[:-1] or [parts[0].removesuffix(".py")])
    return sorted(ours & {*sys.stdlib_module_names, *installed})


def test_every_module_opens_with_its_promise() -> None:
    assert [finding for source in sources() for finding in without_promise(source)] == []


def test_every_name_says_something() -> None:
    assert list(empty_names(source.path for source in sources())) == []


def test_no_package_hides_a_library() -> None:
    installed = packages_distributions()
    assert "pytest" in installed
    assert hidden_libraries((source.path for source in sources()), installed) == []


def test_a_missing_promise_is_found() -> None:
    assert list(without_promise(planted("x = 1\n")))
    assert list(without_promise(planted('""" """\nx = 1\n', "tests/domain/make.py")))
    assert not list(without_promise(planted("x = 1\n", "tests/domain/test_make.py")))


@pytest.mark.parametrize(
    "path",
    ["domain/utils.py", "api/helpers/x.py", "services/db_util.py", "api/manager.py", "common/x.py", "x/base2.py"],
)
def test_an_empty_name_is_found(path: str) -> None:
    assert list(empty_names([path]))
    assert not list(empty_names(["domain/commonplace.py", "api/base.py"]))


def test_a_hidden_library_is_found() -> None:
    paths = ["queue/x.py", "services/mcp/y.py", "secrets.py", "domain/types.py"]
    assert hidden_libraries(paths, ["mcp", "pydantic"]) == ["mcp", "queue", "secrets"]
