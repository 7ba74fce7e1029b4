"""Cutting a message into its clauses: list items, lines, sentences, and how each joins the ones before."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from simulators.model_provider.rules.connectives import (
    AND_BETWEEN,
    FIRST,
    GENERIC_INTRO,
    GREETING,
    POLITE,
    SUB_REQUEST,
    THEN_AT_START,
    THEN_INSIDE,
)


class Joint(StrEnum):
    """How a clause joins the ones before."""

    NEW = "new"
    """It begins a sentence."""
    THEN_NEW = "then_new"
    """It begins a sentence that says "then"."""
    AND = "and"
    """It goes on in its sentence, beside the clause before."""
    THEN = "then"
    """It goes on in its sentence, after the clause before."""


class Clause(NamedTuple):
    """One thing the message asks for."""

    text: str
    joint: Joint


_ITEM = re.compile(r"^\s*(?:[-*•–+]\s+|\(?\d{1,3}[.)]\s+|\(?[a-z]\)\s+|[（(]?\d{1,3}[）、)．]\s*|[①-⑳]\s*)(?=\S)")
_MASKED = re.compile(
    r"\"[^\"\n]{0,300}\"|“[^”\n]{0,300}”|«[^»\n]{0,300}»|「[^」\n]{0,300}」|„[^“”\n]{0,300}[“”]"
    r"|\[(?=[^\[\]\n]{0,300}\bparameters=\{)(?:[^\[\]\n]|\[[^\[\]\n]{0,500}\]){1,2000}\]|\[[^\]\n]{0,500}\]|https?://\S+"
    r"|\b(?:e\.g|i\.e|z\.\s?B|d\.\s?h|bzw|usw|etc|Mr|Mrs|Ms|Dr|Prof|No|Nr|vs|p\.\s?ej|St)\."
)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”)»]?\s+|(?<=[。！？])\s*|\s*[;；]\s*")
_SPACES = re.compile(r"[^\S\n]{2,}")
_TRAILING = " \t.。,，;；:：、!！"
_COLONS = (":", "：")


def clauses(message: str, limit: int) -> list[Clause]:
    """Return the clauses of a message in order, greetings left out; beyond `limit` the rest is one clause."""
    found = [clause for unit in _units(message) for clause in _of_unit(unit)]
    if len(found) <= limit:
        return found
    kept, rest = found[: limit - 1], found[limit - 1 :]
    return [*kept, Clause("; ".join(clause.text for clause in rest), rest[0].joint)]


def _of_unit(unit: str) -> Iterator[Clause]:
    if SUB_REQUEST.match(unit):
        yield Clause(unit, Joint.NEW)
        return
    for sentence in _split(unit, _SENTENCE_END):
        yield from _of_sentence(sentence)


def _of_sentence(sentence: str) -> Iterator[Clause]:
    text = _without(sentence, GREETING)
    then = THEN_AT_START.match(text)
    joint = Joint.THEN_NEW if then else Joint.NEW
    stages = _split(text[then.end() :] if then else text, THEN_INSIDE)
    for stage in stages:
        for clause in _beside(stage):
            if bare := _bare(clause):
                yield Clause(bare, joint)
                joint = Joint.AND
        joint = Joint.THEN if joint is Joint.AND else joint


def _beside(stage: str) -> list[str]:
    """Split at "and" before imperatives; a clause of one word ("research and write …") stays with the next."""
    pieces: list[str] = []
    pending = ""
    for piece, separator in _cut(stage, AND_BETWEEN):
        pending += piece
        if piece.isascii() and " " not in piece.strip() and separator:
            pending += separator
        else:
            pieces.append(pending)
            pending = ""
    return [*pieces, pending] if pending.strip() else pieces


def _bare(clause: str) -> str:
    text = clause.strip()
    for opening in (FIRST, POLITE):
        text = _without(text, opening)
    text = text.rstrip(_TRAILING)
    return text[:1].upper() + text[1:] if any(letter.isalnum() for letter in text) else ""


def _without(text: str, opening: re.Pattern[str]) -> str:
    match = opening.match(text)
    return text[match.end() :] if match else text


def _split(text: str, separator: re.Pattern[str]) -> list[str]:
    """Split, but never inside quotation marks, brackets, addresses or abbreviations."""
    return [piece for piece, _ in _cut(text, separator)]


def _cut(text: str, separator: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield the pieces that are not blank, each with the separator after it."""
    masked = _MASKED.sub(lambda match: "x" * len(match.group()), text)
    start = 0
    for match in separator.finditer(masked):
        if text[start : match.start()].strip():
            yield text[start : match.start()], match.group()
        start = match.end()
    if text[start:].strip():
        yield text[start:], ""


def _units(message: str) -> Iterator[str]:
    """Yield list items (with what their list is about), sub-requests and other lines; wrapped lines are joined."""
    intro = ""
    for line in _joined(_SPACES.sub(" ", message).splitlines()):
        item = _ITEM.match(line)
        if item is not None:
            yield f"{intro}{line[item.end() :]}"
            continue
        intro = ""
        if line.rstrip().endswith(_COLONS) and not SUB_REQUEST.match(line):
            before, intro = _take_intro(line)
            yield from before
            continue
        yield line.strip()


def _take_intro(line: str) -> tuple[list[str], str]:
    """Split a line that opens a list: the sentences before its last, and what the last says of the items."""
    *before, last = _split(line, _SENTENCE_END) or [""]
    subject = _bare(_without(last, GREETING))
    return before, "" if GENERIC_INTRO.search(subject) else f"{subject}: "


def _joined(lines: Iterable[str]) -> list[str]:
    """Join lines that go on in lower case, and a sub-request's heading with the block under it."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if not line.strip():
            groups.append([])
        elif groups[-1] and _goes_on(groups[-1], line):
            groups[-1].append(line.strip())
        else:
            groups.append([line.rstrip()])
    return [" ".join(group) for group in groups if group]


def _goes_on(group: list[str], line: str) -> bool:
    heading = SUB_REQUEST.match(group[0])
    if heading is not None and heading.end() == len(group[0]):
        return True
    text = line.strip()
    if _ITEM.match(line) or THEN_AT_START.match(text):
        return False
    return text[0].islower() and group[-1][-1] not in ".!?:;"
