"""Scripted faults: which calls they hit, how often, and what goes wrong."""

from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fault(_Form):
    """What goes wrong. A delay may stand with any other.

    Attributes:
        delay_s: Seconds before anything is done.
        status: Answer this HTTP status with `body` (any JSON or text; default: the product's own) and `headers`.
        bad_json: A body that is not JSON, with status 200.
        hang: No answer until the client goes away.
        drop: The connection closes without an answer.
        done_first: What was asked is done before it goes wrong; else nothing is done.
        lost_answer: Short for `drop` and `done_first`.
    """

    delay_s: float = Field(default=0.0, ge=0, le=3600)
    status: int | None = Field(default=None, ge=200, le=599)
    body: Any = None
    headers: dict[str, str] = {}
    bad_json: bool = False
    hang: bool = False
    drop: bool = False
    done_first: bool = False
    lost_answer: bool = False

    @property
    def works(self) -> bool:
        """Whether what was asked is done."""
        return self.done_first or self.lost_answer or not self.answers_wrong

    @property
    def answers_wrong(self) -> bool:
        """Whether the answer is not the product's own."""
        return self.status is not None or self.bad_json or self.hang or self.drop or self.lost_answer


class Match(_Form):
    """Which calls a rule is for: all given fields must hold.

    `path`: with `*` and `?`, as in `*/rest/api/2/issue/*`. `contains`: the body or the query string has this text.
    """

    method: str | None = None
    path: str | None = None
    contains: str | None = None

    def accepts(self, method: str, path: str, text: str) -> bool:
        """Return whether the rule is for this call."""
        return (
            (self.method is None or self.method.upper() == method)
            and (self.path is None or fnmatchcase(path, self.path))
            and (self.contains is None or self.contains in text)
        )


class Rule(_Form):
    """A fault, the calls it is for, and how often it applies (`times` None: always) after letting `skip` pass."""

    match: Match = Match()
    times: int | None = Field(default=None, ge=0)
    skip: int = Field(default=0, ge=0)
    fault: Fault


class _Entry:
    def __init__(self, number: int, rule: Rule) -> None:
        self.id = f"fault_{number}"
        self.rule = rule
        self.seen = 0
        self.applied = 0

    def use(self) -> bool:
        """Count a matching call and return whether the rule applies to it."""
        self.seen += 1
        if self.seen <= self.rule.skip or (self.rule.times is not None and self.applied >= self.rule.times):
            return False
        self.applied += 1
        return True

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "applied": self.applied, **self.rule.model_dump(mode="json", exclude_unset=True)}


class FaultBook:
    """The rules of a server, in the order they were added. The first that matches and is not used up applies."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._numbers = count(1)

    def add(self, rules: list[Rule]) -> list[str]:
        """Append rules and return their ids."""
        entries = [_Entry(next(self._numbers), rule) for rule in rules]
        self._entries.extend(entries)
        return [entry.id for entry in entries]

    def take(self, method: str, path: str, text: str) -> Fault | None:
        """Return the fault for a call and count it, None for a call that is answered as usual."""
        for entry in self._entries:
            if entry.rule.match.accepts(method, path, text) and entry.use():
                return entry.rule.fault
        return None

    def clear(self) -> None:
        """Remove all rules."""
        self._entries.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules with how often each applied."""
        return [entry.as_json() for entry in self._entries]
