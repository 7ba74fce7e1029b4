import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.cache_key import NOT_ASKED, cache_key, is_fit
from domain.content import Text
from domain.gateway import CallError, CallOutcome

NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
BODIES = st.dictionaries(st.text(max_size=8).filter(lambda name: name not in NOT_ASKED), JSON, max_size=5)
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}


def _key(body: Mapping[str, Any]) -> str:
    return cache_key("chat", "m", body)


def _turned(value: JsonValue) -> JsonValue:
    """Return the same JSON with its members turned round and whole numbers spelled as fractions."""
    if isinstance(value, dict):
        return {name: _turned(item) for name, item in reversed(value.items())}
    if isinstance(value, list):
        return [_turned(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and float(value) == value:
        return float(value)
    return value


def _plain(value: JsonValue) -> object:
    """Return the JSON as something that only equals what says the same: Python takes True for 1."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return ("flag", value) if isinstance(value, bool) else ("value", value)


@given(BODIES)
def test_neither_the_order_of_members_nor_the_spelling_of_numbers_matters(body: dict[str, JsonValue]) -> None:
    turned = {name: _turned(value) for name, value in reversed(body.items())}
    assert _key(turned) == _key(body) == _key(json.loads(json.dumps(body)))


@given(BODIES, BODIES)
def test_any_other_difference_matters(one: dict[str, JsonValue], other: dict[str, JsonValue]) -> None:
    assert (_key(one) == _key(other)) == (_plain(one) == _plain(other))


@given(BODIES, st.sampled_from(sorted(NOT_ASKED)), JSON)
def test_what_is_not_asked_of_the_model_does_not_matter(body: dict[str, Any], name: str, value: Any) -> None:
    assert _key({**body, name: value}) == _key(body)


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.7},
        {"temperature": None},
        {"seed": 7},
        {"max_tokens": 5},
        {"n": 1},
        {"tools": []},
        {"reasoning_effort": "low"},
        {"some_field_of_tomorrow": 1},
        {"messages": [{"role": "user", "content": "hi "}]},
        {"messages": [{"role": "user", "content": "hi", "user": "inner"}]},
        {"model": "m@2"},
    ],
)
def test_whatever_may_change_the_answer_matters(change: dict[str, Any]) -> None:
    assert _key({**BODY, **change}) != _key(BODY)


def test_endpoints_and_routes_are_kept_apart() -> None:
    keys = {cache_key("chat", "m", BODY), cache_key("completions", "m", BODY), cache_key("chat", "m@2", BODY)}
    assert len(keys) == 3
    assert all(len(key) == 64 for key in keys)


def test_flags_are_no_numbers_and_numbers_no_texts() -> None:
    assert len({_key({"seed": value}) for value in (True, 1, "1", [1], None)}) == 5
    assert _key({"seed": -0.0}) == _key({"seed": 0})


ANSWER = Text.inline('{"chunks":[]}')
ERROR = CallError(status=502, type="api_error", code="model_unavailable", message="gone")


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "function_call", None])
def test_whole_answers_are_fit(reason: str | None) -> None:
    assert is_fit(CallOutcome(phase="done", answer=ANSWER, finish_reason=reason))


@pytest.mark.parametrize(
    "outcome",
    [
        CallOutcome(phase="done", answer=ANSWER, finish_reason="length"),
        CallOutcome(phase="done", answer=ANSWER, finish_reason="content_filter"),
        CallOutcome(phase="done", answer=ANSWER, finish_reason="something_new"),
        CallOutcome(phase="done", answer=ANSWER, finish_reason="stop", refused=True),
        CallOutcome(phase="done", answer=ANSWER, finish_reason="stop", error=ERROR),
        CallOutcome(phase="done", finish_reason="stop"),
        CallOutcome(phase="failed", answer=ANSWER, finish_reason="stop"),
        CallOutcome(phase="cancelled", answer=ANSWER, finish_reason="stop"),
    ],
)
def test_cut_failed_and_refused_answers_are_not(outcome: CallOutcome) -> None:
    assert not is_fit(outcome)
