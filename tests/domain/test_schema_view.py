"""Schemas made short enough to show."""

from typing import Any

import pytest

from domain.schema_view import DEPTH_LIMIT, WORDS, size, within, without

WORDY: dict[str, Any] = {
    "type": "object",
    "title": "T",
    "properties": {
        "description": {"type": "string", "description": "d" * 100, "default": None},
        "kind": {"enum": ["a", "b"], "title": "K"},
        "tags": {"type": "array", "items": {"type": "string", "description": "d" * 100}},
        "odd": True,
    },
    "anyOf": [{"title": "x", "required": ["kind"]}],
    "required": ["kind"],
}


def test_words_go_and_properties_of_the_same_names_stay() -> None:
    assert without(WORDY, WORDS) == {
        "type": "object",
        "properties": {
            "description": {"type": "string"},
            "kind": {"enum": ["a", "b"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "odd": True,
        },
        "anyOf": [{"required": ["kind"]}],
        "required": ["kind"],
    }
    assert without({"properties": "nonsense"}, WORDS) == {"properties": "nonsense"}


def test_the_longest_form_that_fits_is_shown() -> None:
    wordless = without(WORDY, WORDS)
    typed = {
        "type": "object",
        "properties": {
            "description": {"type": "string"},
            "kind": {"enum": ["a", "b"]},
            "tags": {"type": "array"},
            "odd": {},
        },
        "required": ["kind"],
    }
    required = {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}}, "required": ["kind"]}
    for form in (WORDY, wordless, typed, required):
        assert within(WORDY, size(form)) == form
    assert within(WORDY, size(required) - 1) is None


@pytest.mark.parametrize("schema", [{"x": "y" * 100}, {"x": "y" * 100, "properties": 5, "required": "all"}])
def test_what_is_no_schema_of_an_object_is_shown_as_one_without_properties(schema: dict[str, Any]) -> None:
    assert within(schema, 60) == {"type": "object", "properties": {}, "required": []}


def test_what_lies_too_deep_may_be_anything() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(DEPTH_LIMIT):
        schema = {"properties": {"a": schema}}
    deep_list: Any = "x"
    for _ in range(DEPTH_LIMIT * 3):
        deep_list = [deep_list]
    shown = within({**schema, "enum": deep_list}, 10_000)
    assert shown is not None
    assert '"string"' not in str(shown)
    assert size(shown) < size({**schema, "enum": deep_list})
