"""From a message's clauses to parts that know what they wait for and who does them."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from simulators.model_provider.rules.connectives import HUMAN, REFERS_BACK, REFERS_TO_ALL, SUB_REQUEST
from simulators.model_provider.rules.parts import Clause, Joint, clauses

_OPTIONS = re.compile(r"\[([^\[\]]{1,500}|(?=[^\[\]]{0,300}\bparameters=\{)(?:[^\[\]]|\[[^\[\]]{0,500}\]){1,2000})\]$")
_OPTION = re.compile(r"\s*([a-z_]+)=(.+)", re.DOTALL)
_BETWEEN_OPTIONS = re.compile(r";(?=\s*(?:[a-z_]+=|$))")
"""Where options are parted when one of them is JSON, which has semicolons of its own."""
_ALSO_THERE = re.compile(r"[，,]\s*(?:并且|并|以及|同时)(?=在)")
_OPEN_END = (".", "!", "?", "。", "！", "？")


class Part(NamedTuple):
    """One part of a message.

    Attributes:
        kind: generate, human (a person answers `text`) or request (`text` is a request of its own).
        after: Indexes of the parts it waits for.
        options: What the user wrote in brackets at its end, such as `[timeout_s=5; model=small]`.
    """

    text: str
    kind: str
    after: tuple[int, ...]
    options: dict[str, str]


def parts(message: str, limit: int = 200) -> list[Part]:
    """Return the parts of a message, at most `limit`."""
    linker = _Linker()
    return [linker.link(clause) for clause in clauses(message, limit)]


def separated(message: str) -> str:
    """Return a message in which "and in Confluence, write …" begins a part of its own, in Chinese too."""
    return _ALSO_THERE.sub("，然后", message)


@dataclass(slots=True)
class _Linker:
    """Follows the clauses in order.

    `_ends`: parts that no other waits for yet. `_stage`: the parts of this sentence since its last "then";
    `_base`: what all of those wait for.
    """

    _count: int = 0
    _ends: list[int] = field(default_factory=list[int])
    _stage: list[int] = field(default_factory=list[int])
    _base: tuple[int, ...] = ()

    def link(self, clause: Clause) -> Part:
        text, options = _options(clause.text)
        after = self._after(clause.joint, text)
        if clause.joint is not Joint.AND:
            self._stage, self._base = [], after
        self._ends = [index for index in self._ends if index not in after] + [self._count]
        self._stage.append(self._count)
        self._count += 1
        kind, work = _kind(text)
        return Part(work, kind, after, options)

    def _after(self, joint: Joint, text: str) -> tuple[int, ...]:
        if REFERS_TO_ALL.search(text):
            return tuple(range(self._count))
        match joint:
            case Joint.THEN_NEW:
                return tuple(self._ends)
            case Joint.THEN:
                return tuple(self._stage)
            case Joint.AND if not REFERS_BACK.search(text):
                return self._base
            case _:
                return (self._count - 1,) if self._count and REFERS_BACK.search(text) else ()


def _kind(text: str) -> tuple[str, str]:
    for kind, opening in (("request", SUB_REQUEST), ("human", HUMAN)):
        match = opening.match(text)
        if match is not None and match.end() < len(text):
            rest = text[match.end() :].strip()
            return kind, _question(rest) if kind == "human" else rest
    return "generate", text


def _question(text: str) -> str:
    mark = "" if text.endswith(_OPEN_END) else "?" if text.isascii() or " " in text else "？"
    return f"{text[:1].upper()}{text[1:]}{mark}"


def _options(text: str) -> tuple[str, dict[str, str]]:
    match = _OPTIONS.search(text)
    if match is None:
        return text, {}
    written = match.group(1)
    pairs = _BETWEEN_OPTIONS.split(written) if "parameters={" in written else written.split(";")
    found = [_OPTION.fullmatch(pair) for pair in pairs if pair.strip()]
    options = {option.group(1): option.group(2).strip() for option in found if option is not None}
    return (text[: match.start()].rstrip(), options) if len(options) == len(found) else (text, {})
