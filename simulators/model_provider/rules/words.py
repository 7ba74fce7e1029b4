"""Words that carry a text's subject, and other small facts of a text."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re

from simulators.model_provider.rules.connectives import CJK_VERBS, VERBS
from simulators.model_provider.rules.languages import STOP_WORDS

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_CJK_RUN = re.compile(rf"[{_CJK}]")
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_QUOTED = re.compile(
    r"\"([^\"\n]{1,300})\"|“([^”\n]{1,300})”|«([^»\n]{1,300})»|「([^」\n]{1,300})」|„([^“”\n]{1,300})[“”]"
)
_VERB = re.compile(rf"(?:{VERBS})\b(?:\s+(?:me|us|mir|uns|moi|tôi)\b)?", re.IGNORECASE)
_CJK_VERB = re.compile(rf"^(?:请)?(?:{CJK_VERBS})")
_LIMIT = 20_000
_STEM = 5
_PAIR = 2


def words(text: str) -> list[str]:
    """Return all words in lower case; a run of Chinese, Japanese or Korean characters counts as its pairs."""
    found: list[str] = []
    for match in _WORD.finditer(text[:_LIMIT].lower()):
        found.extend(_pairs(match.group()))
    return found


def _pairs(word: str) -> list[str]:
    if len(word) <= _PAIR or not _CJK_RUN.match(word):
        return [word]
    return [word[at : at + 2] for at in range(len(word) - 1)]


def count_words(text: str) -> int:
    """Return how many words a text has; each Chinese or Japanese character counts as one."""
    return sum(len(word) if _CJK_RUN.match(word) else 1 for word in _WORD.findall(text))


def keywords(text: str, limit: int = 5) -> list[str]:
    """Return the words that tell the subject: no stop words, numbers included, each once, in their order."""
    kept = (word for word in words(text) if word.isdigit() or (len(word) > 1 and word not in STOP_WORDS))
    return list(dict.fromkeys(kept))[:limit]


def topics(text: str, limit: int = 4) -> list[str]:
    """Return the subject's words for people, in order: no stop words, no imperatives, runs of characters whole."""
    kept: dict[str, None] = {}
    for match in _WORD.finditer(text[:_LIMIT]):
        word = _CJK_VERB.sub("", match.group())
        if len(word) > 1 and not word.isdigit() and word.lower() not in STOP_WORDS and not _VERB.fullmatch(word):
            kept.setdefault(word[:30])
    return list(kept)[:limit]


def subject(text: str) -> str:
    """Return what a prompt is about: the prompt without the verb it begins with."""
    match = _VERB.match(text) or _CJK_VERB.match(text)
    rest = text[match.end() :].strip() if match else text
    return rest or text


def share_subject(left: str, right: str) -> bool:
    """Return whether two texts have a keyword's beginning in common."""
    stems = {word[:_STEM] for word in keywords(left, 2000)}
    return any(word[:_STEM] in stems for word in keywords(right, 2000))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, simply cut."""
    return [cut for match in _SENTENCE.finditer(text[:_LIMIT]) if (cut := match.group().strip())]


def quoted(text: str) -> list[str]:
    """Return what stands in quotation marks."""
    return [next(group for group in match.groups() if group) for match in _QUOTED.finditer(text)]


def short(text: str, limit: int) -> str:
    """Return a text in one line, cut at a word near `limit` characters."""
    line = " ".join(text[: limit * 4].split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut).rstrip(",;:") + "…"
