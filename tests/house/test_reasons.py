"""Whoever switches a check off, or catches everything, says why on the same line.

A handler that ends in `raise` catches nothing for good and needs no reason, as in ruff's BLE001.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache

import pytest

from tests.house.source import Source, planted, sources

BROAD = frozenset({"Exception", "BaseException"})
REASON = re.compile(r"[^\W\d_]{2,}\W+[^\W\d_]{2,}")
"""Two words at least."""

_SWITCH = re.compile(r"\b(?:type|mypy|pyright|ruff|flake8): *(?:ignore|noqa)\b|\bnoqa\b", re.IGNORECASE)
_CODE = r"[\w-]+"
_CODED = re.compile(
    rf"#\s*(?:(?:type|pyright): ignore\[{_CODE}(?:, ?{_CODE})*\]|(?:ruff: )?noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*)"
)


def unexplained_switches(source: Source) -> Iterator[str]:
    """Yield the comments that switch a check off without its code or without a reason."""
    for line, comment in comments(source.text):
        if not _SWITCH.search(comment):
            continue
        rest = _CODED.sub("", comment)
        if _SWITCH.search(rest):
            yield f"{source.path}:{line}: names no code"
        elif not REASON.search(rest):
            yield f"{source.path}:{line}: gives no reason"


def unexplained_catches(source: Source) -> Iterator[str]:
    """Yield the handlers that take every error, keep it, and do not say why."""
    said = {line: _CODED.sub("", comment) for line, comment in comments(source.text)}
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler) or isinstance(node.body[-1], ast.Raise):
            continue
        if _is_broad(node.type) and not REASON.search(said.get(node.lineno, "")):
            yield f"{source.at(node)}: catches everything and does not say why"


@cache
def comments(text: str) -> tuple[tuple[int, str], ...]:
    """Return the comments of a file with their lines; what stands in strings is none."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return tuple((token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT)


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(one) for one in caught.elts)
    return caught is None or (isinstance(caught, ast.Name) and caught.id in BROAD)


def test_every_switch_names_its_code_and_reason() -> None:
    assert [finding for source in sources() for finding in unexplained_switches(source)] == []


def test_every_broad_catch_has_its_reason() -> None:
    assert [finding for source in sources() for finding in unexplained_catches(source)] == []


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: S104",
        "# type: ignore",
        "# type: ignore  some good reason",
        "# type: ignore[arg-type]",
        "# pyright: ignore",
        "# pyright: ignore[reportPrivateUsage]",
        "# noqa: N805  # pyright: ignore  a good reason",
        "# noqa: N805  # pyright: ignore[reportUnknown]",
        "# ruff: noqa",
        "# ruff: noqa: RUF001",
        "# mypy: ignore-errors",
    ],
)
def test_a_switch_without_code_or_reason_is_found(comment: str) -> None:
    assert list(unexplained_switches(planted(f"x = 1  {comment}\n")))


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: S104  compared with, not listened on",
        "# noqa: BLE001 - the last one to see it",
        "# type: ignore[misc]  # the point of the test",
        "# noqa: N805, A002  # pyright: ignore[reportUnknown, reportAny]  the library says so",
        "# nothing to switch off",
    ],
)
def test_a_switch_with_code_and_reason_passes(comment: str) -> None:
    assert not list(unexplained_switches(planted(f"x = 1  {comment}\n")))


def test_a_switch_in_a_string_is_none() -> None:
    assert not list(unexplained_switches(planted('x = "# noqa"\n')))


@pytest.mark.parametrize(
    "caught",
    ["", " Exception", " BaseException as error", " (ValueError, Exception)", " Exception:  # noqa: BLE001\n  x"],
)
def test_a_broad_catch_is_found(caught: str) -> None:
    ending = "" if "\n" in caught else ": pass"
    assert list(unexplained_catches(planted(f"try:\n  pass\nexcept{caught}{ending}\n")))


def test_a_narrow_an_explained_and_a_passed_on_catch_pass() -> None:
    handlers = (
        "except ValueError:\n  pass",
        "except Exception:  # noqa: BLE001  the last one to see it\n  pass",
        "except BaseException:\n  close()\n  raise",
    )
    for handler in handlers:
        assert not list(unexplained_catches(planted(f"try:\n  pass\n{handler}\n")))
