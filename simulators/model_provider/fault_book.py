"""Which calls a fault hits, and how often."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

from pydantic import Field, model_validator

from domain.model_pool import Dialect
from simulators.model_provider.chat import FREE, ChatCall, Kind
from simulators.model_provider.faults import Fault, Form
from simulators.model_provider.presets import PRESETS


class Match(Form):
    """Which calls a rule is for: all given fields must hold.

    Attributes:
        contains: The last user message has this text.
        key: The account's API key.
        kind: What is asked for. Lists of models and counts of tokens are hit only if named here.
    """

    task: str | None = None
    step_id: str | None = None
    contains: str | None = None
    model: str | None = None
    idempotency_key_contains: str | None = None
    key: str | None = None
    dialect: Dialect | None = None
    kind: Kind | None = None
    stream: bool | None = None

    def accepts(self, call: ChatCall) -> bool:
        """Return whether the rule is for this call."""
        return self._fits_sender(call) and self._fits_content(call)

    def _fits_sender(self, call: ChatCall) -> bool:
        return (
            self.key in (None, call.key)
            and self.dialect in (None, call.dialect)
            and (call.kind not in FREE if self.kind is None else self.kind is call.kind)
            and (self.idempotency_key_contains or "") in (call.idempotency_key or "")
        )

    def _fits_content(self, call: ChatCall) -> bool:
        return (
            self.task in (None, call.task)
            and self.step_id in (None, call.step_id)
            and self.model in (None, call.model)
            and self.stream in (None, call.stream)
            and (self.contains is None or self.contains in call.text)
        )


class Rule(Form):
    """A fault, the calls it is for, and how often it applies.

    Attributes:
        times: Apply so often, None for always.
        skip: Let so many matching calls pass first.
        per_step: Count `times` and `skip` for each step id on its own.
    """

    match: Match = Match()
    times: int | None = Field(default=None, ge=0)
    skip: int = Field(default=0, ge=0)
    per_step: bool = False
    fault: Fault

    @model_validator(mode="after")
    def _known_preset(self) -> "Rule":
        task, preset = self.match.task, self.fault.preset
        if preset is not None and (task is None or preset not in PRESETS.get(task, {})):
            raise ValueError(f"there is no preset {preset!r} for the task {task!r}")
        return self


class _Entry(NamedTuple):
    id: str
    rule: Rule
    seen: Counter[str | None]
    applied: Counter[str | None]


class FaultBook:
    """The rules of a server, in the order they were added. The first that matches and is not used up applies."""

    def __init__(self, fallback: Callable[[ChatCall], Fault | None] | None = None) -> None:
        """Make an empty book. `fallback` chooses a fault for calls that no rule takes."""
        self._entries: list[_Entry] = []
        self._numbers = count(1)
        self._fallback = fallback

    def add(self, rules: list[Rule]) -> list[str]:
        """Append rules and return their ids."""
        entries = [_Entry(f"fault_{next(self._numbers)}", rule, Counter(), Counter()) for rule in rules]
        self._entries.extend(entries)
        return [entry.id for entry in entries]

    def take(self, call: ChatCall) -> Fault | None:
        """Return the fault for a call and count it, None for a call that is answered as usual."""
        for entry in self._entries:
            if entry.rule.match.accepts(call) and _use(entry, call.step_id if entry.rule.per_step else None):
                return entry.rule.fault
        return self._fallback(call) if self._fallback else None

    def clear(self) -> None:
        """Remove all rules."""
        self._entries.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules with how often each applied."""
        return [
            {"id": entry.id, "applied": entry.applied.total(), **entry.rule.model_dump(mode="json", exclude_unset=True)}
            for entry in self._entries
        ]


def _use(entry: _Entry, key: str | None) -> bool:
    """Count a matching call and return whether the rule applies to it."""
    entry.seen[key] += 1
    if entry.seen[key] <= entry.rule.skip:
        return False
    if entry.rule.times is not None and entry.applied[key] >= entry.rule.times:
        return False
    entry.applied[key] += 1
    return True
