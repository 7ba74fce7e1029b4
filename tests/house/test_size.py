"""Files, functions and nesting stay small enough to be understood without scrolling. Nothing is exempt."""

import ast
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.house.source import Source, functions, planted, sources

FILE_LINES = 300
TEST_FILE_LINES = 500
FUNCTION_LINES = 50
NESTING = 4
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
DEEP_FUNCTIONS: dict[str, str] = {}
"""What may be larger, `path` or `path:function`, and why. All three are empty, and are meant to stay so."""

_BLOCKS = ("body", "orelse", "finalbody")
_NESTING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def too_long_file(source: Source) -> Iterator[str]:
    """Yield a file with too many lines."""
    lines = len(source.text.splitlines())
    if lines > (TEST_FILE_LINES if source.is_test else FILE_LINES) and source.path not in LONG_FILES:
        yield f"{source.path}: {lines} lines"


def too_long_functions(source: Source) -> Iterator[str]:
    """Yield the functions with too many lines."""
    for function in functions(source):
        if function.lines > FUNCTION_LINES and f"{source.path}:{function.node.name}" not in LONG_FUNCTIONS:
            yield f"{source.at(function.node)}: {function.node.name} has {function.lines} lines"


def too_deep_functions(source: Source) -> Iterator[str]:
    """Yield the functions whose blocks stand too deep in each other."""
    for function in functions(source):
        found = depth(function.node.body)
        if found > NESTING and f"{source.path}:{function.node.name}" not in DEEP_FUNCTIONS:
            yield f"{source.at(function.node)}: {function.node.name} nests {found} deep"


def depth(body: list[ast.stmt]) -> int:
    """Return how deep the deepest block of some statements stands; `elif` stands no deeper than its `if`."""
    return max((_depth(statement) for statement in body), default=0)


def _depth(statement: ast.stmt) -> int:
    if not isinstance(statement, _NESTING):
        return 0
    chained = isinstance(statement, ast.If) and [type(last) for last in statement.orelse] == [ast.If]
    names = _BLOCKS[:1] if chained else _BLOCKS
    inner = [depth(getattr(statement, name, [])) for name in names]
    inner += [depth(handler.body) for handler in getattr(statement, "handlers", [])]
    inner += [depth(case.body) for case in getattr(statement, "cases", [])]
    return max(1 + max(inner), depth(getattr(statement, "orelse", [])) if chained else 0)


@pytest.mark.parametrize(
    "rule", [too_long_file, too_long_functions, too_deep_functions], ids=lambda rule: rule.__name__
)
def test_everything_is_small(rule: Callable[[Source], Iterable[str]]) -> None:
    assert [finding for source in sources() for finding in rule(source)] == []


def test_a_long_file_is_found() -> None:
    text = "x = 1\n" * (FILE_LINES + 1)
    assert list(too_long_file(planted(text)))
    assert not list(too_long_file(planted(text, "tests/domain/planted.py")))
    assert list(too_long_file(planted(text + text, "tests/domain/planted.py")))


def test_a_long_function_is_found() -> None:
    body = "    x = 1\n"
    assert list(too_long_functions(planted("class A:\n  async def f():\n" + body * FUNCTION_LINES)))
    assert not list(too_long_functions(planted("def f():\n" + body * (FUNCTION_LINES - 1))))


@pytest.mark.parametrize("opening", ["if x:", "for y in x:", "while x:", "with x:", "try:"])
def test_deep_nesting_is_found(opening: str) -> None:
    assert list(too_deep_functions(planted(nested(opening, NESTING + 1))))
    assert not list(too_deep_functions(planted(nested(opening, NESTING))))


def test_nesting_in_an_else_an_except_or_a_case_counts() -> None:
    inner = "if x:\n    if x:\n     if x:\n      if x:\n       pass"
    for outer in (
        "try:\n   pass\n  except E:\n   ",
        "match x:\n   case 1:\n    ",
        "for y in x:\n   pass\n  else:\n   ",
    ):
        indented = inner.replace("\n", "\n ") if "case" in outer else inner
        assert list(too_deep_functions(planted(f"def f(x):\n  {outer}{indented}")))


def test_elif_is_no_deeper() -> None:
    text = "def f(x):\n if x:\n  pass\n" + " elif x:\n  pass\n" * 10
    assert not list(too_deep_functions(planted(text)))


def nested(opening: str, times: int) -> str:
    """Return a function with blocks of one kind in each other."""
    lines = ["def f(x):", *(f"{' ' * (level + 1)}{opening}" for level in range(times)), f"{' ' * (times + 1)}pass"]
    if opening == "try:":
        lines += [f"{' ' * (level + 1)}finally: pass" for level in reversed(range(times))]
    return "\n".join(lines)
