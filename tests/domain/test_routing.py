from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.budget import Price
from domain.model_pool import Capability, Deployment, Endpoint, Route, RouteTarget, Strategy
from domain.routing import REMEMBERED_S, Asked, Candidate, Circumstances, Order, Pace, Unfit, order, reckoned, why_unfit

ASKED = Asked(input_tokens=100)
USUAL = Circumstances()


def _deployment(name: str, **changes: object) -> Deployment:
    return Deployment.model_validate({"id": name, "account_id": "acc", "model": "m", **changes})


def _candidate(name: str = "d1", target: dict[str, int] | None = None, **changes: object) -> Candidate:
    at = RouteTarget(deployment_id=name, **(target or {}))
    return Candidate(at, _deployment(name, **changes), Price())


def _order(
    strategy: Strategy, candidates: list[Candidate], asked: Asked = ASKED, found: Circumstances = USUAL
) -> Order:
    return order(Route(name="r", strategy=strategy), candidates, asked, found)


def _names(found: Order) -> list[str]:
    return [candidate.deployment.id for candidate in found.candidates]


@pytest.mark.parametrize(
    ("candidate", "asked", "why"),
    [
        (_candidate(), ASKED, None),
        (_candidate(disabled=True), ASKED, Unfit.DISABLED),
        (replace(_candidate(), disabled=True), ASKED, Unfit.DISABLED),
        (replace(_candidate(), parked=True), ASKED, Unfit.PARKED),
        (_candidate(), replace(ASKED, tried=frozenset({"d1"})), Unfit.TRIED),
        (_candidate(), replace(ASKED, tried=frozenset({"d2"})), None),
        (_candidate(target={"min_input_tokens": 100}), ASKED, None),
        (_candidate(target={"min_input_tokens": 101}), ASKED, Unfit.SIZE),
        (_candidate(target={"max_input_tokens": 100}), ASKED, None),
        (_candidate(target={"max_input_tokens": 99}), ASKED, Unfit.SIZE),
        (_candidate(context_tokens=101), ASKED, None),
        (_candidate(context_tokens=100), ASKED, Unfit.CONTEXT),
        (_candidate(context_tokens=150), replace(ASKED, max_output_tokens=50), None),
        (_candidate(context_tokens=149), replace(ASKED, max_output_tokens=50), Unfit.CONTEXT),
        (_candidate(context_tokens=100), replace(ASKED, max_output_tokens=0), None),
        (_candidate(), replace(ASKED, capabilities=frozenset({Capability.VISION})), None),
        (_candidate(capabilities=["vision"]), replace(ASKED, capabilities=frozenset({Capability.VISION})), None),
        (
            _candidate(capabilities=["tools"]),
            replace(ASKED, capabilities=frozenset({Capability.VISION})),
            Unfit.ABILITY,
        ),
        (_candidate(), replace(ASKED, endpoint=Endpoint.EMBEDDINGS), None),
        (_candidate(capabilities=["embeddings"]), replace(ASKED, endpoint=Endpoint.EMBEDDINGS), None),
        (_candidate(capabilities=[]), replace(ASKED, endpoint=Endpoint.EMBEDDINGS), Unfit.ABILITY),
        (_candidate(capabilities=["embeddings"]), replace(ASKED, endpoint=Endpoint.COMPLETIONS), Unfit.ABILITY),
        (_candidate(capabilities=[]), replace(ASKED, endpoint=Endpoint.CHAT), None),
    ],
)
def test_who_can_answer(candidate: Candidate, asked: Asked, why: Unfit | None) -> None:
    assert why_unfit(candidate, asked) is why
    found = _order(Strategy.ORDERED, [candidate], asked)
    assert found.unfit == ({} if why is None else {"d1": why})
    assert len(found.candidates) == (why is None)


@pytest.mark.parametrize("strategy", [Strategy.ORDERED, Strategy.ROUND_ROBIN, Strategy.LEAST_CONNECTIONS])
def test_what_the_database_knows_better_stays_as_given(strategy: Strategy) -> None:
    assert _names(_order(strategy, [_candidate("b"), _candidate("a"), _candidate("c")])) == ["b", "a", "c"]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_session_stays_where_it_is_as_long_as_that_can_answer(strategy: Strategy) -> None:
    three = [_candidate("a"), _candidate("b"), _candidate("c")]
    stayed = _order(strategy, three, found=Circumstances(stays_with="c"))
    assert (_names(stayed)[0], stayed.stays) == ("c", True)
    moved = _order(strategy, three, replace(ASKED, tried=frozenset({"c"})), found=Circumstances(stays_with="c"))
    assert (sorted(_names(moved)), moved.stays) == (["a", "b"], False)


def test_the_cheapest_is_that_for_this_calls_size_and_bound() -> None:
    reads = replace(_candidate("reads"), price=Price(input_micros=1_000, output_micros=90_000))
    writes = replace(_candidate("writes"), price=Price(input_micros=20_000, output_micros=20_000))
    both = [reads, writes]
    assert _names(_order(Strategy.CHEAPEST, both, Asked(input_tokens=100_000, max_output_tokens=10)))[0] == "reads"
    assert _names(_order(Strategy.CHEAPEST, both, Asked(input_tokens=1_000, max_output_tokens=9_000)))[0] == "writes"
    assert _names(_order(Strategy.CHEAPEST, both, Asked(input_tokens=10)))[0] == "writes", "of usual length"


def test_deployments_of_one_price_stay_in_order_whatever_they_are_reckoned_with() -> None:
    two = [_candidate("long", max_output_tokens=9_000), _candidate("short", max_output_tokens=10)]
    assert _names(_order(Strategy.CHEAPEST, two)) == ["long", "short"]


def test_the_fastest_lately_is_first_and_who_was_not_measured_lately_is_measured() -> None:
    four = [_candidate("slow"), _candidate("fast"), _candidate("new"), _candidate("old")]
    paces = {"slow": Pace(900), "fast": Pace(90), "old": Pace(5000, idle_s=REMEMBERED_S + 1)}
    assert _names(_order(Strategy.FASTEST, four, found=Circumstances(paces=paces))) == ["new", "old", "fast", "slow"]


def test_weights_of_target_deployment_and_account_make_one() -> None:
    assert _candidate(weight=3).weight == 3
    assert _candidate(target={"weight": 2}, weight=3).weight == 2
    assert replace(_candidate(weight=3), account_weight=5).weight == 15


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.floats(0, 1))
def test_drawing_by_weight_names_each_once(weights: list[int], chance: float) -> None:
    some = [_candidate(f"d{n}", weight=weight) for n, weight in enumerate(weights)]
    names = _names(_order(Strategy.WEIGHTED, some, found=Circumstances(chance)))
    assert sorted(names) == sorted(f"d{n}" for n in range(len(weights)))


def test_drawing_by_weight_is_as_often_as_the_weights_say_also_in_second_place() -> None:
    some = [_candidate("a", weight=6), _candidate("b", weight=3), _candidate("c", weight=1)]
    draws = [_names(_order(Strategy.WEIGHTED, some, found=Circumstances((n + 0.5) / 10_000))) for n in range(10_000)]
    first = Counter(names[0] for names in draws)
    assert first == {"a": 6000, "b": 3000, "c": 1000}
    second = Counter(names[1] for names in draws if names[0] == "a")
    assert abs(second["b"] - 4500) <= 2, "3 of 4 of what is left"
    assert abs(second["c"] - 1500) <= 2


@given(
    st.sampled_from(Strategy),
    st.lists(
        st.tuples(st.integers(1, 9), st.booleans(), st.none() | st.integers(50, 300), st.integers(0, 9)), max_size=7
    ),
    st.floats(0, 1),
    st.none() | st.integers(0, 6),
    st.sets(st.integers(0, 6)),
)
def test_every_deployment_is_either_in_the_order_or_unfit(
    strategy: Strategy,
    some: list[tuple[int, bool, int | None, int]],
    chance: float,
    own: int | None,
    tried: set[int],
) -> None:
    candidates = [
        replace(_candidate(f"d{n}", weight=w, disabled=off, context_tokens=room), price=Price(input_micros=price))
        for n, (w, off, room, price) in enumerate(some)
    ]
    asked = replace(ASKED, tried=frozenset(f"d{n}" for n in tried))
    stays_with = None if own is None else f"d{own}"
    found = _order(strategy, candidates, asked, Circumstances(chance, stays_with=stays_with))
    names = _names(found)
    assert sorted([*names, *found.unfit]) == sorted(f"d{n}" for n in range(len(some)))
    assert found.stays == (f"d{own}" in names)
    assert not found.stays or names[0] == f"d{own}"


def test_a_call_is_reckoned_with_its_own_bound_or_the_deployments() -> None:
    usual = _deployment("d", max_output_tokens=700)
    assert reckoned(usual, ASKED).output_tokens == 700
    bounded = reckoned(usual, replace(ASKED, max_output_tokens=5))
    assert (bounded.input_tokens, bounded.output_tokens, bounded.estimated) == (100, 5, True)
