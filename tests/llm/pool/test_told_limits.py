from datetime import UTC, datetime

import pytest

from domain.model_pool import LimitKind
from services.llm.pool.told_limits import LONGEST_RESET_S, MOST, ToldLimit, rest_s, told_limits

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
REQUESTS, TOKENS = LimitKind.REQUESTS, LimitKind.TOKENS


def test_openais_form_is_read() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert told_limits(headers, NOW) == (ToldLimit(REQUESTS, 60, 59, 1.0), ToldLimit(TOKENS, 150_000, 149_984, 360.0))


def test_anthropics_form_is_read() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-01-01T12:00:30Z",
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-01-01T12:00:45Z",
    }
    found = told_limits(headers, NOW)
    assert found == (ToldLimit(REQUESTS, 50, 0, 30.0), ToldLimit(None, 40_000, 0, 45.0))
    assert rest_s(found) == 45.0


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("1s", 1.0),
        ("250ms", 0.25),
        ("6m0s", 360.0),
        ("1m30.5s", 90.5),
        ("0.5", 0.5),
        ("20", 20.0),
        (" 2S ", 2.0),
        ("500µs", 0.0005),
        ("2026-01-01T12:00:10", 10.0),
        ("2026-01-01T14:00:10+02:00", 10.0),
        ("1h", LONGEST_RESET_S),
        ("1e300", LONGEST_RESET_S),
        ("0s", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("1s and more", None),
        ("s1", None),
        ("2025-01-01T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("9" * 400, None),
    ],
)
def test_times_are_read_as_they_are_meant_or_left_out(told: str, seconds: float | None) -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": told}
    (limit,) = told_limits(headers, NOW)
    assert limit.reset_s == (None if seconds is None else pytest.approx(seconds))
    assert rest_s((limit,)) == limit.reset_s


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        ("60", 60),
        ("60.0", 60),
        (str(MOST), MOST),
        ("0", None),
        ("-1", None),
        ("", None),
        ("many", None),
        ("60, 60;w=60", None),
        ("nan", None),
        ("inf", None),
        (str(MOST + 1), None),
        ("1" * 5000, None),
    ],
)
def test_amounts_are_read_or_left_out(told: str, amount: int | None) -> None:
    found = told_limits({"x-ratelimit-limit-requests": told}, NOW)
    assert [limit.amount for limit in found] == ([] if amount is None else [amount])


def test_something_left_is_no_reason_to_rest() -> None:
    headers = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "30s"}
    assert rest_s(told_limits(headers, NOW)) is None
    assert told_limits({}, NOW) == ()
