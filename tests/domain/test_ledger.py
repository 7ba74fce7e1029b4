import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.budget import Price, Usage, cost
from domain.ledger import (
    CALL_LEAST_OUTPUT_TOKENS,
    CALL_OUTPUT_TOKENS,
    INPUTS_HELD,
    MOST_MICROS,
    REQUEST_LEAST_MICROS,
    REQUEST_MICROS,
    REQUEST_MOST_MICROS,
    Estimate,
    Payer,
    Rate,
    Size,
    Split,
    call_estimate,
    capped,
    granted,
    request_estimate,
    split,
)

DEAR = Price(input_micros=3_000_000, output_micros=15_000_000)
CHEAP = Price(input_micros=1_000_000, output_micros=2_000_000)
amounts = st.integers(0, MOST_MICROS)


def dear(input_tokens: int, output_tokens: int) -> int:
    return cost(Usage(input_tokens=INPUTS_HELD * input_tokens, output_tokens=output_tokens), DEAR)


def test_a_payers_subjects_stand_in_the_order_of_locks() -> None:
    assert Payer("w", "ten", "usr", "key").subjects == ("tenant:ten", "user:usr", "key:key")
    assert Payer("w", "ten", "usr").subjects == ("tenant:ten", "user:usr")


def test_a_bounded_call_is_estimated_at_the_dearest_deployment() -> None:
    estimate = call_estimate(Size(1000, 100), [Rate(CHEAP), Rate(DEAR), Rate(Price())])
    assert estimate == Estimate(dear(1000, 100), dear(1000, 100))


def test_a_call_without_a_bound_is_held_for_a_usual_answer_and_made_for_a_short_one() -> None:
    estimate = call_estimate(Size(1000), [Rate(DEAR, max_output_tokens=100_000)])
    assert estimate == Estimate(dear(1000, CALL_OUTPUT_TOKENS), dear(1000, CALL_LEAST_OUTPUT_TOKENS))


def test_a_deployments_usual_bound_and_its_context_bound_the_estimate() -> None:
    assert call_estimate(Size(1000), [Rate(DEAR, max_output_tokens=50)]) == Estimate(dear(1000, 50), dear(1000, 50))
    assert call_estimate(Size(1000, 5000), [Rate(DEAR, context_tokens=1500)]).micros == dear(1000, 500)
    assert call_estimate(Size(1000, 5000), [Rate(DEAR, context_tokens=900)]).micros == dear(1000, 0)


def test_several_answers_are_held_several_times() -> None:
    assert call_estimate(Size(1000, 100, answers=3), [Rate(DEAR)]).micros == dear(1000, 300)


def test_what_is_free_or_has_no_deployment_needs_nothing() -> None:
    assert call_estimate(Size(1000), [Rate(Price())]) == Estimate()
    assert call_estimate(Size(1000), []) == Estimate()


def test_an_estimate_has_an_end() -> None:
    assert call_estimate(Size(10**15, 10**15), [Rate(DEAR)]).micros == MOST_MICROS


@pytest.mark.parametrize(
    ("budget", "estimate"),
    [
        (None, Estimate(REQUEST_MICROS, REQUEST_LEAST_MICROS)),
        (0, Estimate()),
        (7, Estimate(7, 7)),
        (2_000_000, Estimate(2_000_000, REQUEST_LEAST_MICROS)),
        (MOST_MICROS, Estimate(REQUEST_MOST_MICROS, REQUEST_LEAST_MICROS)),
    ],
)
def test_a_request_is_held_for_its_budget_or_a_usual_amount(budget: int | None, estimate: Estimate) -> None:
    assert request_estimate(budget) == estimate


def test_a_budget_ends_at_what_is_held() -> None:
    assert capped(None, None) is None
    assert capped(5, None) == 5
    assert capped(None, 7) == 7
    assert capped(5, 7) == 5
    assert capped(9, 7) == 7


@given(st.builds(Estimate, amounts, amounts), st.lists(amounts | st.integers(-100, -1), max_size=4))
def test_what_is_granted_fits_into_every_room(estimate: Estimate, rooms: list[int]) -> None:
    found = granted(estimate, rooms)
    wanted = min(estimate.micros, estimate.least_micros)
    if found is None:
        assert min(rooms) < wanted
    else:
        assert wanted <= found <= estimate.micros
        assert all(found <= room for room in rooms)


@given(amounts, amounts, st.none() | amounts)
def test_a_posting_is_always_paid_in_full_by_somebody(micros: int, held: int, room: int | None) -> None:
    paid = split(micros, held=held, room=room)
    assert paid.held + paid.available + paid.loss == micros
    assert 0 <= paid.held <= held
    assert paid.available >= 0
    assert paid.loss >= 0
    assert paid.available == 0 or paid.held == held
    assert room is None or (paid.available <= room and (paid.loss == 0 or paid.available == room))


def test_a_posting_is_paid_by_the_hold_then_by_the_room() -> None:
    assert split(10, held=4, room=5) == Split(4, 5, 1)
    assert split(10, held=4, room=None) == Split(4, 6, 0)
