from typing import Any

import pytest

from domain.variables import DEPTH_LIMIT, VALUES_LIMIT, Expansion


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A}y${A}", "x1y1"),
        ("${B:-two}", "two"),
        ("${A:-two}", "1"),
        ("${EMPTY:-two}", "two"),
        ("x${EMPTY}", "x"),
        ("${B:-}x", "x"),
        ("$A", "$A"),
        ("${1A}", "${1A}"),
    ],
)
def test_variables_are_replaced(text: str, expected: str) -> None:
    expansion = Expansion({"A": "1", "EMPTY": ""})
    assert expansion.expand({"k": [text, 1, None]}) == {"k": [expected, 1, None]}
    assert expansion.problems == []


@pytest.mark.parametrize(
    ("value", "code", "path"),
    [
        ({"a/b": {"c": ["${NOPE}"]}}, "variable_missing", "/a~1b/c/0"),
        ({"a": "x\0y"}, "invalid_text", "/a"),
        ("${NUL}", "invalid_text", ""),
    ],
)
def test_what_is_wrong_has_its_place(value: Any, code: str, path: str) -> None:
    expansion = Expansion({"NUL": "\0"})
    expansion.expand(value)
    assert [(problem.code, problem.path) for problem in expansion.problems] == [(code, path)]


def test_depth_and_size_are_bounded() -> None:
    deep: Any = "x"
    for _ in range(DEPTH_LIMIT + 1):
        deep = [deep]
    shared: Any = ["x"] * 1000
    for _ in range(3):
        shared = [shared] * 10  # in a file: ten references to one list
    wide = [shared] * (VALUES_LIMIT // 1_000_000 + 1)
    for value in (deep, wide):
        expansion = Expansion({})
        expansion.expand(value)
        assert [problem.code for problem in expansion.problems] == ["too_large"]
