from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.grant_scopes import covers, left_of, may_use_all, reaches_within
from domain.grants import EVERYTHING, GrantKind, Grants

patterns = st.text("ab*?", max_size=6)
names = st.text("abc", max_size=8)


@given(patterns, patterns, names)
def test_what_the_inner_one_matches_the_outer_one_does_too(outer: str, inner: str, name: str) -> None:
    if covers(outer, inner) and fnmatchcase(name, inner):
        assert fnmatchcase(name, outer)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("*", "*", True),
        ("*", "gpt-?", True),
        ("gpt-*", "gpt-4*", True),
        ("gpt-*", "gpt-4o", True),
        ("gpt-*", "gpt*", False),
        ("gpt-4?", "gpt-4o", True),
        ("gpt-4?", "gpt-4?", True),
        ("gpt-4?", "gpt-4*", False),
        ("a", "*", False),
        ("a", "a", True),
    ],
)
def test_patterns_within_patterns(outer: str, inner: str, expected: bool) -> None:
    assert covers(outer, inner) is expected


def test_who_has_no_layer_may_give_everything() -> None:
    assert reaches_within(EVERYTHING, GrantKind.MODEL, "*")
    assert left_of(EVERYTHING, GrantKind.MODEL) is None


def test_what_is_left_is_within_every_layer() -> None:
    grants = Grants(({GrantKind.MODEL: ("gpt-*", "claude")}, {GrantKind.MODEL: ("gpt-4*", "gemini")}, {}))
    assert left_of(grants, GrantKind.MODEL) == ("gpt-4*",)
    assert left_of(grants, GrantKind.TOOL) is None
    assert not reaches_within(grants, GrantKind.MODEL, "gpt-*")


def test_all_of_a_layer_is_within_the_grants_or_not() -> None:
    mine = Grants(({GrantKind.MODEL: ("gpt-*", "o1"), GrantKind.TOOL: ()},))
    assert may_use_all(mine, {GrantKind.MODEL: ("gpt-4*", "o1"), GrantKind.WALLET: ("*",)})
    assert not may_use_all(mine, {GrantKind.MODEL: ("gpt-4*", "o3")})
    assert not may_use_all(mine, {GrantKind.TOOL: ("jira/*",)})
