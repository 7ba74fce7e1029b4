"""Structured output: what is built or fitted is valid against the schema."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents import PlannedSteps, UnderstandDocument, Understanding, Verdict
from simulators.model_provider.pieces import pieces
from simulators.model_provider.rules.understand import understand
from simulators.model_provider.schemas import fit, minimal


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "minLength": 9, "maxLength": 10},
        {"type": "string", "maxLength": 2},
        {"type": "string", "format": "uuid"},
        {"type": "integer", "minimum": 3, "multipleOf": 5},
        {"type": "integer", "exclusiveMaximum": 0},
        {"type": "integer", "maximum": -3, "multipleOf": 2},
        {"type": "number", "exclusiveMinimum": 0.5},
        {"type": "number", "multipleOf": 0.5, "minimum": 0.2},
        {"type": ["null", "string"]},
        {"type": "null"},
        {"type": "boolean"},
        {"const": 7},
        {"enum": ["a", "b"]},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
        {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "null"}]},
        {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}]},
        {"allOf": [{"type": "string"}, {"minLength": 7}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "integer"}}},
        {"required": ["a"], "properties": {"a": {"type": "string"}}, "additionalProperties": False},
        Understanding.model_json_schema(),
        PlannedSteps.model_json_schema(),
        Verdict.model_json_schema(),
    ],
)
def test_the_smallest_value_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.validate(minimal(schema), schema)


def test_a_schema_without_end_ends() -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert isinstance(minimal(endless), dict)
    assert minimal({"$ref": "#/$defs/missing"}) is None


def test_the_models_own_answer_fits_the_products_schema_unchanged() -> None:
    answer = understand(UnderstandDocument(message="Write to Ada. Then count owls."))
    schema = Understanding.model_json_schema()
    assert fit(answer, schema) == answer
    jsonschema.validate(answer, schema)


def test_fitting_drops_what_is_forbidden_and_adds_what_is_required() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    assert fit({"a": "x", "c": 1}, schema) == {"a": 0, "b": "text"}
    assert fit({"a": 2, "b": None}, schema) == {"a": 2, "b": None}
    assert fit({"a": True, "z": 1}, schema | {"additionalProperties": {"type": "string"}}) == {
        "a": 0,
        "b": "text",
        "z": "text",
    }
    assert fit([1, "x", 2], {"type": "array", "items": {"type": "integer"}, "maxItems": 2}) == [1, 0]


@given(st.text(max_size=400))
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_a_long_text_comes_in_large_pieces() -> None:
    text = "word " * 40_000
    found = list(pieces(text))
    assert "".join(found) == text
    assert len(found) < 30
