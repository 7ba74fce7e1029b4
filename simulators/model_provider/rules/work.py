"""Work on text by rule: counting, extracts, lists, comparisons. One short function a kind of work."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from simulators.model_provider.rules.entities import entities
from simulators.model_provider.rules.material import Material
from simulators.model_provider.rules.operations import Operation, operation_of
from simulators.model_provider.rules.phrases import say
from simulators.model_provider.rules.records import records
from simulators.model_provider.rules.words import count_words, keywords, sentences, short, subject, topics

_QUOTE = 160
_EXTRACT = 240
_MOST_POINTS = 10
_NUMBERS = {
    number: value
    for value, names in enumerate(
        (
            "two zwei deux dos hai 两 二 二つ",
            "three drei trois tres ba 三 三つ",
            "four vier quatre cuatro bốn 四",
            "five fünf cinq cinco năm 五",
            "six sechs seis sáu 六",
            "seven sieben sept siete bảy 七",
            "eight acht huit ocho tám 八",
            "nine neun neuf nueve chín 九",
            "ten zehn dix diez mười 十",
        ),
        start=2,
    )
    for number in names.split()
}
_BETWEEN = re.compile(r"\s+(?:and|with|und|mit|et|avec|y|con|và|với)\s+|[,，、和与跟と]")
_DIGITS = re.compile(r"\b(\d{1,2})\b")
_TARGET = re.compile(
    r"\b(?:in|into|to|ins|auf|en|vers|al?|sang|ra)\s+((?:the\s+|tiếng\s+)?[^\W\d_]{3,20}(?: [A-ZĐ][^\W\d_]{1,10})?)"
    r"\s*(?:[.,:!?]|$)"
    r"|[成为到]([^\W\d_]{1,3}[文语語])|([^\W\d_]{1,3}語)(?=に)"
)


def work(material: Material, language: str) -> str:
    """Do what the material's prompt asks for."""
    return _WORK[operation_of(material.prompt)](material, language)


def _topics(text: str, language: str) -> str:
    separator = "、" if language[:2] in ("zh", "ja") else ", "
    return separator.join(topics(text)) or say(language, "nothing")


def _write(material: Material, language: str) -> str:
    named = topics(material.prompt) or [say(language, "nothing")]
    about = short(subject(material.prompt).rstrip("?？。"), _QUOTE)
    text = say(language, "write", subject=about[:1].upper() + about[1:], first=named[0], last=named[-1])
    return _with_given(text, material, language)


def _answer(material: Material, language: str) -> str:
    named = topics(material.prompt) or [say(language, "nothing")]
    question = short(material.prompt, _QUOTE)
    text = say(language, "answer", quote=question, topics=_topics(material.prompt, language), first=named[0])
    return _with_given(text, material, language)


def _with_given(text: str, material: Material, language: str) -> str:
    if not material.given:
        return text
    return f"{text} {say(language, 'builds', quote=short(material.text, _QUOTE))}"


def _summarise(material: Material, language: str) -> str:
    text = material.text
    lines = [line for given in material.texts for line in records(given)]
    if lines:
        return "\n".join([say(language, "combine", count=len(lines)), *(f"- {line}" for line in lines)])
    return say(
        language, "summarise", count=count_words(text), topics=_topics(text, language), quote=_key_sentence(text)
    )


def _key_sentence(text: str) -> str:
    """The sentence that has the most of the text's frequent words."""
    frequent = Counter(keywords(text, 500))
    frequent.update(word for sentence in sentences(text) for word in keywords(sentence, 50))
    found = sentences(text) or [text]
    return short(max(found, key=lambda sentence: sum(frequent[word] for word in keywords(sentence, 50))), _EXTRACT)


def _translate(material: Material, language: str) -> str:
    match = _TARGET.search(material.prompt)
    target = next((group for group in match.groups() if group), language) if match else language
    return say(language, "translate", target=target, quote=short(material.text, _EXTRACT))


def _count(material: Material, language: str) -> str:
    text = material.text
    return say(
        language,
        "count",
        count=count_words(text),
        characters=len(text),
        sentences=len(sentences(text)),
        quote=short(text, _QUOTE),
    )


def _list(material: Material, language: str) -> str:
    wanted = _wanted(material.prompt)
    subjects = topics(material.text, _MOST_POINTS) or [short(material.text, 40)]
    heading = say(language, "list", count=wanted, topics=_topics(material.prompt, language))
    points = (
        say(language, "point", topic=subjects[number % len(subjects)], number=number + 1) for number in range(wanted)
    )
    return "\n".join([heading, *(f"- {point}" for point in points)])


def _wanted(prompt: str) -> int:
    match = _DIGITS.search(prompt)
    if match is not None:
        return max(1, min(int(match.group(1)), _MOST_POINTS))
    tokens = re.findall(r"[^\W\d_]+", prompt.lower()) + list(prompt)
    return next((_NUMBERS[word] for word in tokens if word in _NUMBERS), 3)


def _compare(material: Material, language: str) -> str:
    texts = material.texts if len(material.texts) > 1 else tuple(_BETWEEN.split(subject(material.text)))
    sides = [set(keywords(text, 200)) for text in texts]
    every = keywords("\n".join(texts), 200)
    common = [word for word in every if all(word in side for side in sides)]
    rest = [word for word in every if word not in common]
    nothing = say(language, "nothing")
    return say(
        language,
        "compare",
        count=len(sides),
        common=", ".join(common[:6]) or nothing,
        different=", ".join(rest[:8]) or nothing,
    )


def _extract(material: Material, language: str) -> str:
    items = [f"{item['type']} {item['value']}" for item in entities(material.text, None)[:12]]
    return say(language, "extract", items=", ".join(items) or say(language, "nothing"))


def _combine(material: Material, language: str) -> str:
    heading = say(language, "combine", count=len(material.texts))
    return "\n".join([heading, *(f"- {short(text, _EXTRACT)}" for text in material.texts)])


_WORK: Mapping[Operation, Callable[[Material, str], str]] = MappingProxyType(
    {
        Operation.COUNT: _count,
        Operation.SUMMARISE: _summarise,
        Operation.TRANSLATE: _translate,
        Operation.COMPARE: _compare,
        Operation.EXTRACT: _extract,
        Operation.COMBINE: _combine,
        Operation.LIST: _list,
        Operation.WRITE: _write,
        Operation.ANSWER: _answer,
    }
)
