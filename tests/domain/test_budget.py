import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.budget import DEAREST_MICROS, Price, Usage, affordable_output, cost, estimate_tokens, grant
from domain.ledger import MOST_MICROS

PRICE = Price(input_micros=150_000, cached_input_micros=75_000, output_micros=600_000)
money = st.integers(min_value=0, max_value=10**15)
tokens = st.integers(min_value=0, max_value=10**9)
price = st.integers(min_value=0, max_value=DEAREST_MICROS)
prices = st.builds(Price, input_micros=price, cached_input_micros=price, output_micros=price)


@pytest.mark.parametrize(
    ("usage", "micros"),
    [
        (Usage(), 0),
        (Usage(input_tokens=1), 1),
        (Usage(input_tokens=1_000_000), 150_000),
        (Usage(output_tokens=10), 6),
        (Usage(input_tokens=100, cached_tokens=100), 8),
        (Usage(input_tokens=100, cached_tokens=900), 8),
    ],
)
def test_cost_is_rounded_up_and_cached_input_is_never_more_than_input(usage: Usage, micros: int) -> None:
    assert cost(usage, PRICE) == micros


@pytest.mark.parametrize("field", ["input_tokens", "cached_tokens", "output_tokens"])
def test_negative_usage_is_refused(field: str) -> None:
    with pytest.raises(ValidationError):
        Usage.model_validate({field: -1})


@given(st.text())
def test_token_estimate_is_positive(text: str) -> None:
    assert estimate_tokens(text) >= 8 + len(text) // 3


@pytest.mark.parametrize(
    ("granted", "price", "expected"),
    [
        (None, PRICE, 500),
        (0, PRICE, 0),
        (10, PRICE, 0),
        (15, PRICE, 0),
        (16, PRICE, 1),
        (10_000, PRICE, 500),
        (15, Price(input_micros=150_000), 500),
    ],
)
def test_output_is_capped_by_what_is_left_after_the_input(granted: int | None, price: Price, expected: int) -> None:
    assert affordable_output(granted, 100, price, 500) == expected


@given(granted=money, used=tokens, price=prices, ceiling=tokens)
def test_affordable_output_never_costs_more_than_the_grant(granted: int, used: int, price: Price, ceiling: int) -> None:
    output = affordable_output(granted, used, price, ceiling)
    assert 0 <= output <= ceiling
    if output:
        assert cost(Usage(input_tokens=used, output_tokens=output), price) <= granted


@pytest.mark.parametrize(
    ("remaining", "shares", "cap", "expected"),
    [(None, 3, None, None), (None, 3, 7, 7), (100, 3, None, 33), (100, 3, 7, 7), (-5, 3, None, 0), (100, 0, None, 100)],
)
def test_grant_is_an_equal_share_under_the_steps_own_cap(
    remaining: int | None, shares: int, cap: int | None, expected: int | None
) -> None:
    assert grant(remaining, shares, cap) == expected


@given(remaining=st.integers(min_value=-(10**15), max_value=10**15), shares=st.integers(1, 200), cap=st.none() | money)
def test_shares_together_never_exceed_what_remains(remaining: int, shares: int, cap: int | None) -> None:
    assert (grant(remaining, shares, cap) or 0) * shares <= max(remaining, 0)


def test_no_price_makes_a_call_cost_more_than_the_ledger_books() -> None:
    dearest = Price(input_micros=DEAREST_MICROS, output_micros=DEAREST_MICROS)
    assert cost(Usage(input_tokens=10**8, output_tokens=10**8), dearest) <= MOST_MICROS
    with pytest.raises(ValidationError):
        Price(input_micros=DEAREST_MICROS + 1)
