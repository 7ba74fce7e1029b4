"""What a clause tells of the values that tools ask for: keys, places, texts, titles, numbers."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.model_provider.rules.entities import mentions
from simulators.model_provider.rules.intents import ISSUE_KEY, PATH, URL
from simulators.model_provider.rules.words import quoted, short, subject

_PROJECT = re.compile(
    r"(?:project|projekte?s?|projet|proyecto|dự án|项目|プロジェクト)\s*[\"“]?([A-Z][A-Z0-9_]{1,9})(?![A-Za-z0-9_-])",
    re.IGNORECASE,
)
_KEY = re.compile(r"(?<![A-Za-z0-9_/.-])([A-Z][A-Z0-9_]{1,9})(?![A-Za-z0-9_/-])")
_NO_KEY = re.compile(
    r"JSON|API|URL|HTTPS?|JQL|CQL|HTML|XML|CSV|PDF|SQL|UTC|GMT|TODO|FAQ|USA|EU|UI|UX|ID|OK|AI|LLM|MCP|README"
)
_SPACE = re.compile(
    r"(?:space|bereich|espace|espacio|không gian|空间)\s*[\"“]?([A-Z~][A-Za-z0-9_]{1,30})(?![A-Za-z0-9_])"
    r"|(?<![A-Za-z0-9_])([A-Z][A-Z0-9_]{1,30})(?:\s+|-)?(?:space|空间)"
)
_AFTER_COLON = re.compile(r"[:：](?!//|\d)\s*(?=\S)")
_TITLED = re.compile(
    r"(?:called|named|titled|entitled|with the title|namens|mit dem Titel|intitulée?|titulad[ao]|llamad[ao]"
    r"|có tiêu đề|tên là|标题为|题为|名为)\s*[\"“«「]?([^\"”»」:：]{1,200}?)[\"”»」]?"
    r"(?=\s+(?:in|im|to|into|with|mit|trong|dans|en|con|và|và)\b|[:：]|$)",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\s*\b(?:in|im|into|to|on|auf|als seite in|trong|trên|dans|sur|en)\s+(?:the |our |das |dem |unser(?:em|e)? )?"
    r"(?:confluence|jira|wiki)\b.*$|[，,]?(?:在|到)(?:confluence|jira|wiki)(?:上|中|里)?",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"^(?:the|a|an|die|der|das|den|eine[nrm]?|le|la|les|une?|el|los|las|una?|các|những|một)\s+", re.IGNORECASE
)
_ABOUT = re.compile(
    r"\b(?:about|über|zum thema|concernant|au sujet d[eu]|sobre|acerca de|về)\s+(.{2,200})$|关于(.{1,100}?)的",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.-])-?\d{1,15}(?:\.\d{1,9})?(?![\w-])")
_ZONE = re.compile(r"\b(?:[A-Z][a-z]+(?:/[A-Z][A-Za-z_]+){1,2}|UTC)\b")
_CITIES = {
    "Asia/Tokyo": "tokyo|tokio|東京|东京|japan",
    "Asia/Shanghai": "beijing|peking|shanghai|北京|上海|china",
    "Asia/Ho_Chi_Minh": "hanoi|hà nội|saigon|sài gòn|ho chi minh|hồ chí minh|vietnam|việt nam|河内",
    "Asia/Kolkata": "delhi|mumbai|india|indien",
    "Asia/Singapore": "singapore|singapur",
    "Australia/Sydney": "sydney",
    "Europe/Berlin": "berlin|germany|deutschland|hamburg|münchen|munich|frankfurt",
    "Europe/London": "london|england",
    "Europe/Madrid": "madrid|barcelona|spain|españa",
    "Europe/Paris": "paris|france|frankreich",
    "Europe/Vienna": "vienna|wien|austria|österreich",
    "Europe/Zurich": "zurich|zürich|switzerland|schweiz",
    "America/New_York": "new york|boston|纽约",
    "America/Los_Angeles": "los angeles|san francisco|seattle",
}
_TITLE = 120


@dataclass(frozen=True, slots=True)
class Facts:
    """A clause, the message it stands in, the user's context, and the text of the part whose result it works on."""

    text: str
    message: str
    context: Mapping[str, Any] | None
    earlier: str | None = None

    @property
    def project(self) -> str | None:
        """The key of the project that the clause, or else the message, names."""
        return _project(self.text, self.context) or _project(self.message, self.context)

    @property
    def space(self) -> str | None:
        """The key of the space: named as such, a project's of the context, else the project that is named."""
        for text in (self.text, self.message):
            match = _SPACE.search(text)
            if match is not None:
                return match.group(1) or match.group(2)
        return self.project

    @property
    def issues(self) -> list[str]:
        """The issue keys of the clause, or else of the message."""
        return ISSUE_KEY.findall(self.text) or ISSUE_KEY.findall(self.message)

    @property
    def urls(self) -> list[str]:
        """The addresses of the clause, or else of the message."""
        return URL.findall(self.text) or URL.findall(self.message)

    @property
    def paths(self) -> list[str]:
        """The file paths of the clause, or else of the message."""
        return PATH.findall(URL.sub(" ", self.text)) or PATH.findall(URL.sub(" ", self.message))

    @property
    def numbers(self) -> list[int | float]:
        """The numbers of the clause, in order."""
        found = (match.group() for match in _NUMBER.finditer(ISSUE_KEY.sub(" ", self.text)))
        return [float(number) if "." in number else int(number) for number in found]

    @property
    def told(self) -> str | None:
        """What the clause has after its colon."""
        match = _AFTER_COLON.search(self.text)
        return self.text[match.end() :].strip() if match else None

    @property
    def quotation(self) -> str | None:
        """What the clause quotes last."""
        return next(reversed(quoted(self.text)), None)

    @property
    def about(self) -> str | None:
        """What the clause says it is about."""
        match = _ABOUT.search(_PLACE.sub("", self._head))
        return (match.group(1) or match.group(2)).strip() if match else None

    @property
    def title(self) -> str:
        """The title that the clause gives, else one made of what it, or the part before it, is about."""
        match = _TITLED.search(self.text)
        if match is not None:
            return match.group(1).strip()
        source = quoted(self._head)[-1:] or [self.about or (headline(self.earlier) if self.earlier else "")]
        return source[0][:1].upper() + source[0][1:] or headline(self._head)

    @property
    def zones(self) -> list[str]:
        """The time zones that the clause names, by name or by a city."""
        lower = self.text.lower()
        found = ((lower.find(city), zone) for zone, cities in _CITIES.items() for city in cities.split("|"))
        return _ZONE.findall(self.text) or [zone for at, zone in sorted(found) if at >= 0]

    @property
    def _head(self) -> str:
        match = _AFTER_COLON.search(self.text)
        return self.text[: match.start()] if match else self.text


def headline(text: str) -> str:
    """Return a clause as a title: without its verb, article and place."""
    bare = _ARTICLE.sub("", _PLACE.sub("", subject(text)).strip())
    return short(bare[:1].upper() + bare[1:], _TITLE)


def _project(text: str, context: Mapping[str, Any] | None) -> str | None:
    match = _PROJECT.search(text)
    if match is not None and match.group(1).isupper():
        return match.group(1)
    known = [str(mention.owner["key"]) for mention in mentions(text, context) if mention.owner.get("key")]
    named = (key for key in _KEY.findall(URL.sub(" ", text)) if not _NO_KEY.fullmatch(key))
    issues = (key.rsplit("-", 1)[0] for key in ISSUE_KEY.findall(text))
    return next(iter([*known, *named, *issues]), None)
