from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from domain.caller import Caller
from domain.caller_limits import (
    LimitKind,
    LimitReached,
    LimitState,
    LimitTerms,
    Standing,
    duration,
    policies,
    subjects_of,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def state(kind: LimitKind = LimitKind.REQUESTS, amount: int = 10, used: int = 4, **more: Any) -> LimitState:
    window_s = 0 if kind is LimitKind.CONCURRENCY else 60
    usual: dict[str, Any] = {"id": "lim", "subject": "user:u", "window_s": window_s}
    return LimitState(**{**usual, **more}, kind=kind, amount=amount, used=used)


def test_a_caller_is_subject_to_tenant_user_and_key_in_this_order() -> None:
    assert subjects_of(Caller("u", "t", key_id="k")) == ("tenant:t", "user:u", "key:k")
    assert subjects_of(Caller("u", "t", actor="admin")) == ("tenant:t", "user:u")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "requests"},
        {"kind": "tokens", "window_s": 0},
        {"kind": "concurrency", "window_s": 60},
        {"kind": "requests", "window_s": 60, "amount": -1},
        {"kind": "requests", "window_s": 60, "amount": 10**12 + 1},
        {"kind": "requests", "window_s": 31 * 86_400 + 1},
        {"kind": "requests", "window_s": 60, "more": 1},
    ],
)
def test_terms_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LimitTerms.model_validate({"amount": 5, **wrong})


def test_terms_may_be_of_any_window_and_of_nothing() -> None:
    for kind, window_s in (("requests", 1), ("tokens", 31 * 86_400), ("concurrency", 0)):
        assert LimitTerms.model_validate({"kind": kind, "amount": 0, "window_s": window_s}).window_s == window_s


def test_the_tightest_limit_has_the_least_left() -> None:
    roomy, tight, tokens = state(amount=100), state(amount=10), state(LimitKind.TOKENS, amount=5)
    standing = Standing(NOW, (roomy, tight, tokens))
    assert standing.tightest(LimitKind.REQUESTS) is tight
    assert standing.tightest(LimitKind.TOKENS) is tokens
    assert standing.tightest(LimitKind.CONCURRENCY) is None


def test_what_was_used_beyond_a_limit_leaves_nothing() -> None:
    assert state(amount=3, used=9).remaining == 0


def test_a_refusal_is_told_by_the_limit_that_makes_wait_longest() -> None:
    standing = Standing(NOW, (state(retry_s=1.0), state(LimitKind.TOKENS, amount=7, used=5, retry_s=9.5), state()))
    error = LimitReached(standing, 500)
    assert (error.retry_after_s, error.limit) == (9.5, "tokens per minute of the user")
    assert str(error) == "too many tokens per minute of the user: limit 7, used 5, asked 500"
    assert error.waiting_helps
    assert not LimitReached(Standing(NOW, (state(amount=0, used=0, retry_s=60.0),))).waiting_helps


def test_without_a_refusing_limit_there_is_no_refusal() -> None:
    with pytest.raises(ValueError, match="no limit"):
        LimitReached(Standing(NOW, (state(),)))


@pytest.mark.parametrize(
    ("limit", "name"),
    [
        (state(), "requests per minute of the user"),
        (state(window_s=90), "requests per 90 s of the user"),
        (state(window_s=86_400, subject="tenant:t"), "requests per day of the tenant"),
        (state(LimitKind.CONCURRENCY, subject="key:k"), "concurrent calls of the key"),
    ],
)
def test_limits_have_names_that_people_understand(limit: LimitState, name: str) -> None:
    assert limit.name == name


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-3, "0s"),
        (0.0001, "1ms"),
        (0.12, "120ms"),
        (0.9999, "1s"),
        (1, "1s"),
        (59.2, "1m0s"),
        (360, "6m0s"),
        (3600, "1h0m0s"),
        (7384, "2h3m4s"),
        (90_000, "25h0m0s"),
    ],
)
def test_durations_are_told_as_the_openai_api_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_policies_tell_of_limits_that_have_a_window() -> None:
    limits = (state(reset_s=12.3), state(LimitKind.CONCURRENCY), state(LimitKind.TOKENS, used=10, retry_s=3.0))
    assert policies(limits) == (
        '"user-requests-60";q=10;w=60, "user-tokens-60";q=10;w=60',
        '"user-requests-60";r=6;t=13, "user-tokens-60";r=0;t=3',
    )
    assert policies((state(LimitKind.CONCURRENCY),)) == ("", "")
