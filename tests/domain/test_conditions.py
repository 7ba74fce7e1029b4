import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conditions import (
    MAX_JSON_DEPTH,
    MAX_LENGTH,
    StepFacts,
    evaluate,
    parse,
    reads_results,
    references,
)
from domain.errors import ConditionInvalid
from domain.step import StepStatus

DONE, FAILED = StepStatus.SUCCEEDED, StepStatus.FAILED
DOCUMENT = {"ok": True, "n": 3, "half": 0.5, "name": "bo", "tags": ["x", "y"], "in": {"k": None}, "many": 10**400}
FACTS = {
    "a": StepFacts(DONE, json.dumps(DOCUMENT)),
    "b": StepFacts(FAILED, None),
    "c": StepFacts(DONE, "plain text"),
    "d": StepFacts(DONE, '{"nan": NaN, "inf": Infinity, "list": [1], "same": [1]}'),
}


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("true", True),
        ("null", False),
        ("0", False),
        ("-1.5 < -1", True),
        ("'a' < \"b\"", True),
        ("not false", True),
        ("not not true", True),
        ("true or false and false", True),
        ("(true or false) and false", False),
        ("false or false or true", True),
        ("  true  ", True),
        ("steps.a.status == 'succeeded'", True),
        ("steps.b.status == 'failed' and steps.b.result == null", True),
        ("steps.zz.status == null", True),
        ("steps.c.result contains 'text'", True),
        ("steps.c.result contains 1", False),
        ("steps.c.result.key == null", True),
        ("steps.a.result.ok", True),
        ("steps.a.result.ok == true", True),
        ("steps.a.result.ok == 1", False),
        ("steps.a.result.ok != 1", True),
        ("steps.a.result.n == 3.0", True),
        ("steps.a.result.n >= 3 and steps.a.result.n <= 3", True),
        ("steps.a.result.n > 3 or steps.a.result.n < 3", False),
        ("steps.a.result.n != 3", False),
        ("steps.a.result.ok > 0", False),
        ("steps.a.result.n < 'x'", False),
        ("steps.a.result.many > 1.5", True),
        ("steps.a.result.name contains 'b'", True),
        ("steps.a.result.tags contains 'y'", True),
        ("steps.a.result.in contains 'k'", False),
        ("steps.a.result.in.k == null", True),
        ("steps.a.result.in.k.deeper == null", True),
        ("steps.a.result.tags.0 == null", True),
        ("steps.a.result.missing", False),
        ("steps.d.result.nan == steps.d.result.nan", False),
        ("steps.d.result.inf > 1", True),
        ("steps.d.result.list == steps.d.result.same", True),
    ],
)
def test_expression_means_what_its_grammar_says(source: str, holds: bool) -> None:  # a table's column
    assert evaluate(parse(source), FACTS) is holds


@pytest.mark.parametrize(
    "source",
    [
        "",
        "   ",
        "__import__('os').system('true')",
        "__import__",
        "().__class__.__bases__",
        "steps.a.result.__class__.__mro__()",
        "steps.a.__class__",
        "steps.__class__.status.x",
        "steps",
        "steps.a",
        "steps.a.status.x",
        "steps['a'].status",
        "steps.a.status == lambda: 1",
        "lambda x: x",
        "f'{1+1}'",
        "f''",
        "`id`",
        "$(id)",
        "${steps.a.status}",
        "{{ steps.a.status }}",
        "exec('1')",
        "print(1)",
        "[x for x in ()]",
        "1 if true else 2",
        "true; false",
        "true\n\nfalse",
        "a := 1",
        "1 + 1",
        "2 ** 99999999",
        "1e5",
        "٣ == 3",
        "1 < 2 < 3",
        "1 ==",
        "== 1",
        "and",
        "not",
        "true and",
        "true or or false",
        "(true",
        "true)",
        "()",
        "'open",
        "'a' 'b'",
        "'it\\'s'",
        '"say \\"x\\""',
        "''' x '''",
        "True",
        "None",
        "nulll",
        "\ud800",
        "\x00",
        "true\x00",
        "true \u200b",
        "#",
        "(" * 21 + "true" + ")" * 21,
        "(" * 200 + "true" + ")" * 200,
        "not " * 22 + "true",
        "not (" * 15 + "true" + ")" * 15,
        "x" * (MAX_LENGTH + 1),
        "true or " * 125_000 + "true",
        "(" * 1_000_000,
    ],
    ids=lambda source: repr(source[:20]),
)
def test_what_is_not_of_the_grammar_is_refused(source: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        parse(source)
    assert len(str(caught.value)) < MAX_LENGTH + 100


@pytest.mark.parametrize("source", ["(" * 20 + "true" + ")" * 20, "not " * 20 + "true", "true" + " or true" * 62])
def test_what_is_just_within_the_bounds_is_taken(source: str) -> None:
    assert evaluate(parse(source), {})


def test_references_tell_statuses_from_results() -> None:
    node = parse("steps.a.status == 'failed' or not steps.b.result.x > 1 and steps.c.result contains 'y' or true")
    assert references(node) == {"a", "b", "c"}
    assert reads_results(node) == {"b", "c"}


@pytest.mark.parametrize(("depth", "holds"), [(MAX_JSON_DEPTH - 2, True), (MAX_JSON_DEPTH, False), (50_000, False)])
def test_deeply_nested_result_reads_as_null(depth: int, holds: bool) -> None:  # a table's column
    text = '{"ok": true, "deep": ' + "[" * depth + "]" * depth + "}"
    facts = {"a": StepFacts(DONE, text)}
    assert evaluate(parse("steps.a.result.ok"), facts) is holds
    assert evaluate(parse("steps.a.result.deep == steps.a.result.deep"), facts)


names = st.sampled_from(["a", "b", "zz"])
keys = st.lists(st.sampled_from(["k", "x", "0"]), max_size=3).map(lambda parts: "".join(f".{part}" for part in parts))
operands = st.one_of(
    st.builds("steps.{}.status".format, names),
    st.builds("steps.{}.result{}".format, names, keys),
    st.integers().map(str),
    st.sampled_from(["true", "false", "null", "'x'", '"succeeded"', "''", "-0.5", "1" * 300]),
)
expressions = st.recursive(
    operands,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains"]), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=8,
).filter(lambda source: len(source) <= MAX_LENGTH)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**4000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", "x"]), inner, max_size=2),
    max_leaves=8,
)
texts = st.one_of(
    st.none(),
    st.text(),
    json_values.map(json.dumps),
    st.sampled_from(["1" * 5000, "[" * 3000 + "]" * 3000, '{"k":' * 500 + "1" + "}" * 500, '{"k": "\\ud800"}', "NaN"]),
)
results = st.dictionaries(names, st.builds(StepFacts, st.sampled_from(list(StepStatus)), texts))


@given(source=expressions, facts=results)
def test_evaluation_never_raises(source: str, facts: dict[str, StepFacts]) -> None:
    assert evaluate(parse(source), facts) in (True, False)


@given(st.text(max_size=600) | st.text(alphabet="()'\"=<>. abnotrsep1-", max_size=600))
def test_any_text_is_parsed_or_refused(source: str) -> None:
    try:
        node = parse(source)
    except ConditionInvalid:
        return
    assert evaluate(node, FACTS) in (True, False)
