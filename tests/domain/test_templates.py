"""References to earlier results: typed where they stand alone, text within text, and never code."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.templates import (
    MAX_DEPTH,
    RESOLVED_LIMIT,
    TemplateUnresolved,
    escape,
    references,
    resolve,
    resolve_steps,
)

RESULTS = {
    "s1": "two bugs",
    "s2": json.dumps({"n": 2, "ids": ["A-1", "A-2"], "deep": {"a/b": None}, "text": '{"k": true}'}),
}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{steps.s1.result}}", "two bugs"),
        (" {{ steps.s1.result }} ", "two bugs"),
        ("Found: {{steps.s1.result}}!", "Found: two bugs!"),
        ("{{steps.s2.result.n}}", 2),
        ("n={{steps.s2.result.n}}", "n=2"),
        ("{{steps.s2.result.ids}}", ["A-1", "A-2"]),
        ("{{steps.s2.result.ids}} ", ["A-1", "A-2"]),
        ("ids {{steps.s2.result.ids}}", 'ids ["A-1","A-2"]'),
        ("{{steps.s2.result.ids.1}}", "A-2"),
        ("{{steps.s2.result.text.k}}", True),
        ("{{steps.s2.result.n}}{{steps.s2.result.n}}", "22"),
        ("{{monospace}} and {{a.b}}", "{{monospace}} and {{a.b}}"),
        ("{{monospace}}", "{{monospace}}"),
        ("{{steps.s1.result", "{{steps.s1.result"),
        ("{{__import__('os')}} {{1+1}}", "{{__import__('os')}} {{1+1}}"),
        (5, 5),
        (None, None),
        ({"a": ["{{steps.s2.result.n}}", {"b": "{{steps.s1.result}}"}]}, {"a": [2, {"b": "two bugs"}]}),
    ],
)
def test_a_reference_becomes_what_it_names(written: JsonValue, value: JsonValue) -> None:
    assert resolve_steps(written, RESULTS) == value


def test_a_result_is_never_read_for_references_again() -> None:
    assert resolve_steps("{{steps.a.result}}", {"a": "{{steps.b.result}}", "b": "secret"}) == "{{steps.b.result}}"


def test_other_roots_may_be_named() -> None:
    assert resolve("{{marker}} of {{arguments.key}}", {"marker": "m1", "arguments": {"key": "K"}}) == "m1 of K"


@pytest.mark.parametrize(
    ("written", "pointer"),
    [
        ({"a": "{{steps.s9.result}}"}, "/a"),
        ({"a/b~c": ["x", "{{steps.s1.status}}"]}, "/a~1b~0c/1"),
        ("{{steps.s1.result.key}}", ""),
        ("{{steps.s2.result.missing}}", ""),
        ("{{steps.s2.result.ids.2}}", ""),
        ("{{steps.s2.result.ids.-1}}", ""),
        ("{{steps.s2.result.ids.9999999}}", ""),
        ("{{steps.s2.result.n.real}}", ""),
    ],
)
def test_a_reference_to_nothing_is_told_with_its_place(written: JsonValue, pointer: str) -> None:
    with pytest.raises(TemplateUnresolved) as caught:
        resolve_steps(written, RESULTS)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("reference_unresolved", pointer)


def nested(levels: int, leaf: JsonValue = "x") -> JsonValue:
    for _ in range(levels):
        leaf = [leaf]
    return leaf


def test_parameters_nest_only_so_deep() -> None:
    deep, too_deep = nested(MAX_DEPTH), nested(MAX_DEPTH + 1)
    assert (references(deep), resolve_steps(deep, {})) == ((), deep)
    with pytest.raises(TemplateUnresolved) as found:
        references(too_deep)
    with pytest.raises(TemplateUnresolved) as resolved:
        resolve_steps(too_deep, {})
    for caught in (found, resolved):
        assert caught.value.problems[0].code == "parameters_too_deep"


@pytest.mark.parametrize("written", ["{{steps.s.result}}" * 700, ["{{steps.s.result}}"] * 700, "x" * RESOLVED_LIMIT])
def test_what_grows_too_large_is_refused_before_it_is_made(written: JsonValue) -> None:
    with pytest.raises(TemplateUnresolved) as caught:
        resolve_steps(written, {"s": "x" * 100_000})
    assert caught.value.problems[0].code == "parameters_too_large"


@pytest.mark.parametrize("result", ['{"k": NaN}', '{"k": 1e999}', '{"k": -Infinity}'])
def test_what_is_no_plain_json_is_no_parameter(result: str) -> None:
    with pytest.raises(TemplateUnresolved) as caught:
        resolve_steps({"a": "{{steps.s.result.k}}"}, {"s": result})
    assert (caught.value.problems[0].code, caught.value.problems[0].path) == ("parameters_invalid", "/a")


@pytest.mark.parametrize("levels", [900, 985, 100_000])
def test_a_result_of_a_thousand_levels_harms_nobody(levels: int) -> None:
    result = '{"k": ' + "[" * levels + "]" * levels + "}"
    with suppress(TemplateUnresolved):
        assert resolve_steps("{{steps.s.result.k}}", {"s": result})


def test_references_are_found_with_their_places() -> None:
    written: JsonValue = {"a": "{{steps.s1.result}} {{x}}", "b/c": ["{{s1.result.k}}", 5, None]}
    found = [(ref.pointer, ref.path, ref.step_id) for ref in references(written)]
    assert found == [
        ("/a", ("steps", "s1", "result"), "s1"),
        ("/a", ("x",), None),
        ("/b~1c/0", ("s1", "result", "k"), None),
    ]


def test_a_key_is_escaped_as_json_pointers_are() -> None:
    assert escape("a/b~c") == "a~1b~0c"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_what_has_no_reference_stays_as_it_is(value: JsonValue) -> None:
    if not references(value):
        assert resolve_steps(value, {}) == value


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}\Z", fullmatch=True), json_values, min_size=1, max_size=4))
def test_a_key_of_a_result_keeps_its_type(result: dict[str, JsonValue]) -> None:
    for key, value in result.items():
        assert resolve_steps(f"{{{{steps.s.result.{key}}}}}", {"s": json.dumps(result)}) == value
