"""Scripted faults: which calls they hit, how often, and what goes wrong."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulators.model_provider.chat import ChatCall
from simulators.model_provider.presets import PRESETS

MAX_BYTES = 64 * 1024 * 1024


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(_Form):
    """A model's refusal. OpenAI ends one with `stop`, some servers with `content_filter`."""

    text: str = "I'm sorry, I can't help with that."
    finish_reason: Literal["stop", "content_filter"] = "stop"


class Fault(_Form):
    """What goes wrong. Fields combine: a delay, then a status; pieces with a delay each, then a cut.

    Attributes:
        delay_s: Seconds before the first byte.
        hang: No byte at all, until the client goes away.
        status: Answer this HTTP status, with `body` (any JSON or text; default: OpenAI's envelope) and `headers`.
        chunk_delay_s: Seconds before each piece of the text.
        cut_stream_after: Drop the connection after so many pieces; without streaming, after half the body.
        hang_after: Send so many pieces, then nothing until the client goes away.
        bad_json: A body, or one SSE event, that is not JSON.
        refusal: True or a `Refusal`.
        wrong_usage: Leave the usage out, make it negative or huge, or send the given object.
        empty: An empty text.
        answer: This text.
        answer_json: This JSON, as text.
        repeat_bytes: A text of so many bytes, whatever `max_tokens` says.
        preset: A named wrong behaviour of `presets.py`.
        finish_reason: End with this reason.
    """

    delay_s: float = Field(default=0.0, ge=0, le=3600)
    hang: bool = False
    status: int | None = Field(default=None, ge=200, le=599)
    body: Any = None
    headers: dict[str, str] = {}
    chunk_delay_s: float = Field(default=0.0, ge=0, le=3600)
    cut_stream_after: int | None = Field(default=None, ge=0)
    hang_after: int | None = Field(default=None, ge=0)
    bad_json: bool = False
    refusal: bool | Refusal = False
    wrong_usage: Literal["missing", "negative", "huge"] | dict[str, Any] | None = None
    empty: bool = False
    answer: str | None = None
    answer_json: Any = None
    repeat_bytes: int | None = Field(default=None, ge=0, le=MAX_BYTES)
    preset: str | None = None
    finish_reason: str | None = None

    @property
    def waits(self) -> bool:
        """Whether the answer takes time, so that the client may go away meanwhile."""
        return self.hang or self.delay_s > 0 or self.chunk_delay_s > 0 or self.hang_after is not None

    def as_json(self) -> dict[str, Any]:
        """Return the fields that were set."""
        return self.model_dump(mode="json", exclude_unset=True)


class Match(_Form):
    """Which calls a rule is for: all given fields must hold. `contains`: the last user message has this text."""

    task: str | None = None
    step_id: str | None = None
    contains: str | None = None
    model: str | None = None
    idempotency_key_contains: str | None = None

    def accepts(self, call: ChatCall) -> bool:
        """Return whether the rule is for this call."""
        return (
            self.task in (None, call.task)
            and self.step_id in (None, call.step_id)
            and self.model in (None, call.model)
            and (self.contains is None or self.contains in call.text)
            and (self.idempotency_key_contains or "") in (call.idempotency_key or "")
        )


class Rule(_Form):
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
