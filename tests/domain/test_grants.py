import pytest

from domain.caller import Caller
from domain.caller_errors import (
    BudgetSpent,
    Forbidden,
    FundsOnHold,
    InsufficientFunds,
    RateLimited,
    Unauthenticated,
)
from domain.errors import LonghaulError
from domain.grants import EVERYTHING, GrantKind, Grants, union
from domain.permissions import MEMBER, PLATFORM, ROLES, Permission, effective


def test_a_thing_may_be_used_when_every_layer_has_a_pattern_for_it() -> None:
    given = union([(GrantKind.MODEL, "gpt-*"), (GrantKind.MODEL, "claude")])
    user = EVERYTHING.narrowed(given)
    assert [user.allow(GrantKind.MODEL, name) for name in ("gpt-4o", "claude", "gemini")] == [True, True, False]
    assert not user.allow(GrantKind.TOOL, "jira/search"), "no kind is left open"
    key = user.narrowed({GrantKind.MODEL: ("gpt-4*",)})
    assert [key.allow(GrantKind.MODEL, name) for name in ("gpt-4o", "gpt-5", "claude")] == [True, False, False]


def test_an_empty_layer_narrows_nothing() -> None:
    assert EVERYTHING.narrowed({}) is EVERYTHING
    assert Grants(({},)).allow(GrantKind.WALLET, "any")


def test_the_platform_is_for_the_operating_tenant() -> None:
    assert effective([ROLES["admin"]], operates=True) == frozenset(Permission)
    assert effective([ROLES["admin"]], operates=False) == frozenset(Permission) - PLATFORM
    assert effective([ROLES["member"], ROLES["auditor"]], operates=False) >= MEMBER - PLATFORM
    assert effective([], operates=True) == frozenset()


def test_who_is_answerable() -> None:
    assert (Caller("a").by, Caller("a", actor="b").by) == ("a", "b")
    assert Caller("a").may(Permission.ACT_AS)
    assert not Caller("a", permissions=MEMBER).may(Permission.ACT_AS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unauthenticated("x"), "unauthenticated"),
        (Forbidden("x", "users.read"), "forbidden"),
        (RateLimited("x", 1.0, "requests"), "rate_limited"),
        (InsufficientFunds("x", wanted_micros=2, available_micros=1), "insufficient_funds"),
        (FundsOnHold("x", wanted_micros=2), "funds_on_hold"),
        (BudgetSpent("x", budget="b"), "budget_spent"),
    ],
)
def test_errors_about_callers_have_codes(error: LonghaulError, code: str) -> None:
    assert error.code == code
    assert str(error) == "x"
