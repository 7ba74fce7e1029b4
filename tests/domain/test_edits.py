from typing import Any

import pytest
from pydantic import ValidationError

from tests.domain.make import amendment

GOOD: dict[str, Any] = {"op": "drop", "step_id": "a"}


@pytest.mark.parametrize(
    "edit",
    [
        {},
        {"op": "eval", "code": "1"},
        {"op": "drop"},
        {"op": "drop", "step_id": "a" * 41},
        {"op": "drop", "step_id": 7},
        {**GOOD, "dependents": "keep"},
        {**GOOD, "typo": 1},
        {"op": "add", "step": "a"},
        {"op": "rewire", "step_id": "a", "depends_on": "b"},
        {"op": "retime", "step_id": "a", "timeout_s": float("nan")},
        {"op": "retime", "step_id": "a", "timeout_s": float("inf")},
        {"op": "retime", "deadline": "tomorrow"},
        {"op": "set_prompt", "step_id": "a", "prompt": None},
        {"op": "set_prompt", "step_id": "a", "prompt": "\ud800"},
        {"op": "set_model", "model": ""},
        {"op": "set_model", "model": "m" * 201},
        {"op": "raise_budget", "to_micros": -1},
        {"op": "raise_budget", "to_micros": 10**15 + 1},
        {"op": "raise_budget", "to_micros": 1.5},
        {"op": "set_result", "step_id": "a", "result": {"ref": "sha256:00"}},
    ],
)
def test_edit_of_the_wrong_shape_is_refused(edit: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        amendment(edit)


@pytest.mark.parametrize(
    "fields",
    [{"version": -1}, {"version": 10**5000}, {"version": "x"}, {"reason": "r" * 1001}, {"message_id": ""}, {"more": 1}],
    ids=["negative", "huge", "a word", "long reason", "empty id", "more"],
)
def test_amendment_of_the_wrong_shape_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        amendment(GOOD, **fields)


@pytest.mark.parametrize("count", [0, 101])
def test_amendment_has_one_to_a_hundred_edits(count: int) -> None:
    with pytest.raises(ValidationError):
        amendment(*[GOOD] * count)
