"""Which tools a planner gets to see: a lexical ranking of names and descriptions against what is wanted.

Texts are cut into words as `terms` says, and words that mean the same count as one (`domain.tool_words`). A
description counts as in BM25 (Robertson and Zaragoza, 2009); a name counts the more, the more of it the query speaks
of. What is shown is spread over the query: a word that a chosen entry has counts less for the next, and a server whose
writes are shown has its best read shown too, and the other way round.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from domain.tool_words import IGNORED, concepts

QUERY_CHARS = 10_000
TERMS_LIMIT = 400
"""Words of a query that count."""
DESCRIPTION_CHARS = 300
"""Characters of a description that count: what a tool does stands at its beginning."""

_K1 = 1.2
_B = 0.5
_NAME_WEIGHT = 3.0
_BESIDE = 0.5
"""What the very word adds to the concept it stands for."""
_COVERED = 0.8
"""What a word is still worth after each chosen entry that has it."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TERM = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]")
_FOLDED = str.maketrans({"đ": "d", "ß": "ss"})
_ENDINGS = (
    ("ies", "y"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("sses", "ss"),
    ("ss", "ss"),
    ("us", "us"),
    ("is", "is"),
    ("s", ""),
)
_ISSUE_KEY = re.compile(r"\b[A-Z][A-Z0-9]{1,9}-\d{1,7}\b")


class Entry(NamedTuple):
    """What is ranked; `reads`: using it changes nothing."""

    server: str
    name: str
    description: str
    reads: bool


class _Words(NamedTuple):
    """An entry's words, each with what it stands for: the name's one by one, the description's counted."""

    name: tuple[tuple[str, ...], ...]
    text: Counter[str]

    def named(self) -> dict[str, None]:
        return dict.fromkeys(word for words in self.name for word in words)


def rank(query: str, documents: Sequence[Entry], limit: int) -> tuple[int, ...]:
    """Return the indexes of at most `limit` entries, best first; all of them when they fit.

    Entries that no word of the query speaks of come last, the servers taking turns.
    """
    gains = _gains(wanted(query), [_words(document) for document in documents])
    chosen = _choose(gains, documents, limit)
    rest = [number for number, gain in enumerate(gains) if not gain]
    return (*chosen, *_in_turns(rest, documents))[: max(limit, 0)]


def terms(text: str) -> tuple[str, ...]:
    """Return the words of a text, in order.

    Names are cut at `_ - . /` and camelCase; words are in lower case, without accents and in the singular; runs of
    Chinese, Japanese or Korean signs count as pairs; words that tell nothing are left out.
    """
    return tuple(_terms(text))


def wanted(query: str) -> dict[str, float]:
    """Return what a query asks for, with weights: what its words stand for, and the very words beside it."""
    query = query[:QUERY_CHARS]
    weights = {"=issue": 1.0} if _ISSUE_KEY.search(query) else {}
    for term in terms(query)[:TERMS_LIMIT]:
        meanings = concepts(term)
        weights |= dict.fromkeys(meanings, 1.0)
        weights[term] = _BESIDE if meanings else 1.0
    return weights


def _terms(text: str) -> Iterator[str]:
    decomposed = unicodedata.normalize("NFD", _CAMEL.sub(" ", text))
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    for match in _TERM.finditer(unicodedata.normalize("NFC", plain).lower().translate(_FOLDED)):
        word = match.group()
        if _IS_CJK.match(word):
            yield from (word[at : at + 2] for at in range(max(len(word) - 1, 1)))
        elif word not in IGNORED:
            yield _singular(word)


def _singular(word: str) -> str:
    return next((f"{word[: -len(ending)]}{instead}" for ending, instead in _ENDINGS if word.endswith(ending)), word)


def _words(document: Entry) -> _Words:
    name = tuple((term, *concepts(term)) for term in terms(document.name[:DESCRIPTION_CHARS]))
    described = terms(f"{document.server} {document.description[:DESCRIPTION_CHARS]}")
    return _Words(name, Counter(word for term in described for word in (term, *concepts(term))))


def _gains(weights: Mapping[str, float], words: Sequence[_Words]) -> list[dict[str, float]]:
    """Return for each entry what each word of the query adds to its score."""
    frequency = Counter(word for entry in words for word in {**entry.named(), **entry.text})
    average = sum(entry.text.total() for entry in words) / max(len(words), 1) or 1.0
    rarity = {
        word: weight * (1 + math.log(len(words) / frequency[word]))
        for word, weight in weights.items()
        if frequency[word]
    }
    return [_entry_gains(rarity, entry, average) for entry in words]


def _entry_gains(rarity: Mapping[str, float], entry: _Words, average: float) -> dict[str, float]:
    length = 1 - _B + _B * entry.text.total() / average
    spoken_of = sum(any(word in rarity for word in words) for words in entry.name) / max(len(entry.name), 1)
    named = entry.named()
    gains: dict[str, float] = {}
    for word, worth in rarity.items():
        count = entry.text[word]
        told = count * (_K1 + 1) / (count + _K1 * length)
        if gain := worth * (told + (_NAME_WEIGHT * spoken_of**2 if word in named else 0.0)):
            gains[word] = gain
    return gains


def _choose(gains: Sequence[Mapping[str, float]], documents: Sequence[Entry], limit: int) -> list[int]:
    """Take the best entry again and again; each server's first one is followed by its best of the other direction."""
    left = [number for number, gain in enumerate(gains) if gain]
    chosen: list[int] = []
    covered: dict[str, float] = {}

    def take(candidates: Iterable[int]) -> int:
        best = max(candidates, key=lambda number: (_worth(gains[number], covered), -number))
        left.remove(best)
        chosen.append(best)
        covered.update({word: covered.get(word, 1.0) * _COVERED for word in gains[best]})
        return best

    seen: set[str] = set()
    while left and len(chosen) < limit:
        taken = documents[take(left)]
        others = [number for number in left if _is_other(documents[number], taken)]
        if others and taken.server not in seen:
            take(others)
        seen.add(taken.server)
    return chosen


def _worth(gain: Mapping[str, float], covered: Mapping[str, float]) -> float:
    return round(sum(value * covered.get(word, 1.0) for word, value in gain.items()), 9)


def _is_other(entry: Entry, taken: Entry) -> bool:
    return entry.server == taken.server and entry.reads is not taken.reads


def _in_turns(numbers: Iterable[int], documents: Sequence[Entry]) -> list[int]:
    turns: Counter[str] = Counter()
    ordered: list[tuple[int, int]] = []
    for number in numbers:
        server = documents[number].server
        ordered.append((turns[server], number))
        turns[server] += 1
    return [number for _, number in sorted(ordered)]
