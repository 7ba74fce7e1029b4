import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tools.client.schema_cost import COST_LIMIT, cost
from services.tools.client.schemas import usable, violations

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
ISSUE = {
    "type": "object",
    "properties": {
        "project": {"type": "string", "minLength": 1},
        "labels": {"type": "array", "items": {"type": "string"}},
        "a/b": {"type": "integer"},
        "c~d": {"type": "integer"},
    },
    "required": ["project"],
    "additionalProperties": False,
}


def doubled(levels: int, keyword: str) -> dict[str, Any]:
    """A schema whose every level refers to the one below twice."""
    schemas: dict[str, Any] = {"a0": {"type": "string"}}
    for level in range(1, levels + 1):
        schemas[f"a{level}"] = {keyword: [{"$ref": f"#/$defs/a{level - 1}"}] * 2}
    return {"$defs": schemas, "$ref": f"#/$defs/a{levels}"}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BRANCHING: dict[str, Any] = {
    "$defs": {"a": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/a"}}] * 2}},
    "$ref": "#/$defs/a",
}


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"project": "DEMO", "labels": ["x"]}, []),
        ({}, [""]),
        ({"project": ""}, ["/project"]),
        ({"project": "D", "labels": ["x", 1, 2]}, ["/labels/1", "/labels/2"]),
        ({"project": "D", "a/b": "x", "c~d": "x"}, ["/a~1b", "/c~0d"]),
        ({"project": "D", "extra": 1}, [""]),
        ("text", [""]),
    ],
)
def test_problems_point_at_their_place(value: Any, paths: list[str]) -> None:
    problems = violations(ISSUE, value)
    assert sorted(problem.path for problem in problems) == sorted(paths)
    assert {problem.code for problem in problems} <= {"schema"}


def test_problems_are_few_and_short() -> None:
    many = violations({"type": "array", "items": {"type": "string"}}, list(range(1000)))
    assert len(many) == 20
    assert len(violations({"type": "array", "items": {"type": "string"}}, [1, 2], limit=1)) == 1
    (long,) = violations({"type": "integer"}, "x" * 100_000)
    assert len(long.message) <= 1000


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/nowhere"},
        {"$schema": "http://example.test/mine", "type": "string"},
        {"description": "x" * 70_000},
        {"properties": 5},
    ],
)
def test_a_schema_that_is_no_good_counts_as_absent(schema: dict[str, Any]) -> None:
    assert not usable(schema)
    assert violations(schema, {"a": 1}) == ()


def test_a_deep_schema_is_no_good() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(3000):
        schema = {"items": schema}
    assert not usable(schema)
    assert violations(schema, 1) == ()


HOSTILE: dict[str, tuple[dict[str, Any], Any]] = {
    "backtracking": ({"type": "string", "pattern": "^(a+)+$"}, "a" * 50_000 + "b"),
    "all-of": (doubled(17, "allOf"), 1),
    "very-deep-all-of": (doubled(200, "allOf"), 1),
    "any-of": (doubled(17, "anyOf"), 1),
    "very-deep-one-of": (doubled(60, "oneOf"), 1),
    "branching": (BRANCHING, nested(9)),
    "very-deep-branching": (BRANCHING, nested(20)),
    "deep-value": ({"items": {"$ref": "#"}}, nested(900)),
    "self": ({"$ref": "#"}, 1),
    "dynamic": ({"$dynamicAnchor": "x", "anyOf": [{"$dynamicRef": "#x"}]}, nested(10)),
    "wide": ({"type": "array", "items": {"type": "string"}}, [1] * 300_000),
    "patterns": ({"patternProperties": {f"(a|b){{0,{n}}}c": {} for n in range(900)}}, {"ab" * 100: 1}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_take_no_time(name: str) -> None:
    schema, value = HOSTILE[name]
    begun = time.process_time()
    usable(schema)
    violations(schema, value)
    assert time.process_time() - begun < 2


def test_a_failure_too_large_to_explain_is_still_one() -> None:
    (problem,) = violations(doubled(15, "allOf"), 1)
    assert problem.path == ""


def test_a_pattern_that_no_linear_engine_takes_is_left_to_the_server() -> None:
    schema = {
        "type": "object",
        "properties": {
            "mail": {"type": "string", "pattern": "^(?!x)(?!.*\\.\\.).+@.+$"},
            "pattern": {"type": "integer"},
        },
        "patternProperties": {"^(?=a)": {"type": "integer"}},
        "additionalProperties": False,
    }
    assert usable(schema)
    assert violations(schema, {"mail": "xx", "ab": "c"}) == ()
    assert [problem.path for problem in violations(schema, {"mail": 5, "pattern": "x"})] == ["/mail", "/pattern"]


def test_an_ordinary_schema_is_cheap_to_check() -> None:
    schema = {"type": "array", "items": ISSUE}
    value = [{"project": "DEMO", "labels": ["a", "b", "c"]}] * 1000
    assert cost(schema, value) < COST_LIMIT // 10


@given(JSON, JSON)
def test_nothing_raises(schema: Any, value: Any) -> None:
    violations({"properties": {"a": schema}, "items": schema}, value)
    violations({"$defs": {"a": schema}, "anyOf": [schema, {"$ref": "#/$defs/a"}]}, value)
