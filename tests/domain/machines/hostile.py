"""Planner output as it should never be: wrong types, code, absurd numbers, cycles, Unicode tricks, too much."""

from collections.abc import Callable
from random import Random
from typing import Any

Draft = tuple[dict[str, Any], ...]

MEGABYTE = 1_000_000
CODE = "__import__('os').system('true')"
ID_TRICKS = (
    "ѕ1",  # a Cyrillic letter that looks like ours
    "s1\u200b",
    "s1\n",
    "s1\x00",
    "S1",
    "../../etc",
    "s1'; drop table step; --",
    "s" * 41,
    "s" * MEGABYTE,
    "\ud800",
    "",
    " s1",
    "｛s1｝",
    CODE,
)
SCALARS: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    3.5,
    10**4000,
    -(10**300),
    1e308,
    float("nan"),
    float("inf"),
    float("-inf"),
    "",
    "NaN",
    "1e999",
    CODE,
    "\ud800",
    "\x00",
    "s1",
    [],
    {},
    [[[[]]]],
    {"ref": "sha256:00", "size": 1},
    {"text": "x", "size": -5},
    b"bytes",
)
CONDITIONS = (
    CODE,
    "(" * MEGABYTE,
    "not " * 400,
    "steps.s0.result.__class__",
    "steps.s0.status == 'succeeded'",
    "steps.s9.status == 'failed'",
    "lambda: 1",
    "f'{1}'",
    "true",
    "1 > 2",
)
FIELDS = (
    "id",
    "kind",
    "prompt",
    "depends_on",
    "condition",
    "max_retries",
    "timeout_s",
    "model",
    "budget_micros",
    "evaluate",
    "expects",
    "default",
    "__class__",
    "model_config",
)


def draft(random: Random) -> Draft:
    """A draft that is right but for a few wounds; some have none."""
    steps: list[dict[str, Any]] = [
        {"id": f"s{index}", "prompt": "do it", "depends_on": [f"s{n}" for n in range(index) if random.random() < 0.3]}
        for index in range(random.randint(1, 8))
    ]
    for _ in range(random.choice([0, 1, 1, 1, 2, 4])):
        steps = random.choice(WOUNDS)(random, steps)
    return tuple(steps)


def _field(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    random.choice(steps)[random.choice(FIELDS)] = random.choice(SCALARS)
    return steps


def _name(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    random.choice(steps)["id"] = random.choice(ID_TRICKS)
    return steps


def _condition(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    random.choice(steps)["condition"] = random.choice(CONDITIONS)
    return steps


def _cycle(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for step in steps:
        step["depends_on"] = [f"s{random.randrange(len(steps))}"]
    return steps


def _self(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    step = random.choice(steps)
    step["depends_on"] = [step.get("id")]
    return steps


def _unknown(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    random.choice(steps)["depends_on"] = random.choices(ID_TRICKS, k=2)
    return steps


def _twice(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*steps, dict(random.choice(steps))]


def _kind(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    random.choice(steps)["kind"] = random.choice(["shell", "tool", "retrieve", "request", "human", "GENERATE", CODE])
    return steps


def _time(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    random.choice(steps)["timeout_s"] = random.choice([0, -1, 1e300, 10**400, 1e-9, "soon", float("nan"), 3600])
    return steps


def _size(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    random.choice(steps)["prompt"] = random.choice(["x" * MEGABYTE, "\U0010ffff" * 9000, "x" * 2000])
    return steps


def _many(random: Random, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return steps * random.choice([30, 10_000]) if len(steps) < 10 else steps


WOUNDS: tuple[Callable[[Random, list[dict[str, Any]]], list[dict[str, Any]]], ...] = (
    _field,
    _field,
    _field,
    _name,
    _condition,
    _condition,
    _cycle,
    _self,
    _unknown,
    _twice,
    _kind,
    _time,
    _size,
    _many,
)
