import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plan import ancestors, descendants, has_cycle
from domain.step import Step
from tests.domain.make import plan, step

DIAMOND = plan(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"), step("e"))


def test_versions_count_up_and_say_who_made_them() -> None:
    second = DIAMOND.next_version(DIAMOND.steps[:1], "amendment", "why")
    assert (second.version, second.origin, second.reason, len(second.steps)) == (2, "amendment", "why", 1)
    assert DIAMOND.version == 1


def test_steps_are_found_by_id() -> None:
    assert DIAMOND.step("b").depends_on == ("a",)
    with pytest.raises(KeyError):
        DIAMOND.step("zz")


@pytest.mark.parametrize(
    ("step_id", "above", "below"),
    [("a", "", "bcd"), ("b", "a", "d"), ("d", "abc", ""), ("e", "", ""), ("zz", "", "")],
)
def test_kin_is_found_through_any_number_of_steps(step_id: str, above: str, below: str) -> None:
    steps = DIAMOND.by_id()
    assert ancestors(steps, step_id) == set(above)
    assert descendants(steps, step_id) == set(below)


def test_unknown_dependencies_are_nobodys_kin() -> None:
    steps = plan(step("a", "zz")).by_id()
    assert ancestors(steps, "a") == frozenset()
    assert has_cycle(steps) == ()


@pytest.mark.parametrize(
    ("steps", "cyclic"),
    [
        (DIAMOND.steps, ()),
        ((step("a", "a"),), ("a",)),
        ((step("a", "b"), step("b", "a"), step("c")), ("a", "b")),
        ((step("d", "a"), step("a", "b", "b"), step("b", "a"), step("c")), ("d", "a", "b")),
    ],
)
def test_cycle_names_the_steps_on_and_behind_it(steps: tuple[Step, ...], cyclic: tuple[str, ...]) -> None:
    assert has_cycle({item.id: item for item in steps}) == cyclic


numbers = st.integers(0, 7)


@given(st.lists(st.tuples(numbers, numbers), max_size=20))
def test_cycle_is_found_exactly_when_a_step_is_its_own_ancestor(edges: list[tuple[int, int]]) -> None:
    after: dict[int, list[str]] = {number: [] for number in range(8)}
    for source, target in edges:
        after[target].append(f"s{source}")
    steps = {f"s{number}": step(f"s{number}", *depends_on) for number, depends_on in after.items()}
    own = [step_id for step_id in steps if step_id in ancestors(steps, step_id)]
    assert bool(has_cycle(steps)) is bool(own)
    assert set(own) <= set(has_cycle(steps))
    for step_id in steps:
        assert all(step_id in descendants(steps, above) for above in ancestors(steps, step_id) - {step_id})
