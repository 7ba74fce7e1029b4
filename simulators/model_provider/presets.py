"""Named wrong behaviours of a model, by task. Each turns a document into the text of a wrong answer."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from simulators.model_provider.documents import Document
from simulators.model_provider.json_value import Json

Preset = Callable[[Document], str]

TWO_MIB = 2 * 1024 * 1024
_HUGE_PROMPT = 48 * 1024
_PROSE = "Sure! Here is what I would do: first one thing, {then another"
REFUSAL = "refuse"
"""The one preset that is no text: a refusal."""
OVERSIZED = "two_mib"
"""The one preset that is never cut at `max_tokens`."""


def _step(number: int, **fields: Json) -> dict[str, Any]:
    step: dict[str, Any] = {"id": f"s{number}", "kind": "generate", "prompt": f"Do part {number}", "depends_on": []}
    return step | fields


def _plan(*steps: dict[str, Any]) -> Preset:
    text = json.dumps({"steps": steps})
    return lambda _document: text


def _text(text: str) -> Preset:
    return lambda _document: text


def _json(**fields: Json) -> Preset:
    return _text(json.dumps(fields))


def _ten_thousand(_document: Document) -> str:
    return json.dumps({"steps": [_step(number) for number in range(1, 10_001)]})


def _two_mib(_document: Document) -> str:
    return "x" * (TWO_MIB + 1)


_PLAN: dict[str, Preset] = {
    "not_json": _text(_PROSE),
    "cycle": _plan(_step(1, depends_on=["s2"]), _step(2, depends_on=["s1"])),
    "unknown_kind": _plan(_step(1, kind="teleport")),
    "ten_thousand_steps": _ten_thousand,
    "self_dependency": _plan(_step(1, depends_on=["s1"])),
    "absurd_timeout": _plan(_step(1, timeout_s=1e12), _step(2, timeout_s=-5)),
    "duplicate_ids": _plan(_step(1), _step(1)),
    "empty_plan": _plan(),
    "code_in_condition": _plan(_step(1), _step(2, depends_on=["s1"], condition="__import__('os').system('id') == 0")),
    "huge_prompt": _plan(_step(1, prompt="x" * _HUGE_PROMPT)),
}

_EVALUATE: dict[str, Preset] = {
    "contradiction": _json(success=True, reason="good, and wrong", needs_adjustment=True),
    "always_fail": _json(success=False, reason="it is never good enough", needs_adjustment=False),
    "fail_once": _json(success=False, reason="not yet good enough", needs_adjustment=False),
    "needs_adjustment": _json(success=False, reason="the plan must change", needs_adjustment=True),
    "not_json": _text(_PROSE),
}

_STEP: dict[str, Preset] = {
    REFUSAL: _text("I'm sorry, I can't help with that."),
    "empty": _text(""),
    OVERSIZED: _two_mib,
    "fail_n": _text(" "),
}

_UNDERSTAND: dict[str, Preset] = {
    "unclear": _json(
        intent="unclear",
        detailed_description="unclear",
        clear=False,
        question="What exactly do you mean?",
        assumption="You want a general answer.",
    ),
    "not_json": _text(_PROSE),
    "missing_fields": _json(language="en"),
}

_SYNTHESIZE: dict[str, Preset] = {"empty": _text(""), REFUSAL: _text("I'm sorry, I can't help with that.")}

PRESETS: Mapping[str, Mapping[str, Preset]] = MappingProxyType(
    {
        "understand": _UNDERSTAND,
        "plan": _PLAN,
        "step": _STEP,
        "evaluate": _EVALUATE,
        "synthesize": _SYNTHESIZE,
    }
)

PER_STEP = frozenset({"fail_once", "fail_n"})
"""Presets that go wrong once for each step unless told otherwise."""
