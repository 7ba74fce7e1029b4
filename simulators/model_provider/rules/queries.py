"""Queries of Jira and Confluence from a clause in words: "open bugs of project DEMO" becomes JQL."""

import re
from collections.abc import Iterator

from simulators.model_provider.rules.facts import Facts
from simulators.model_provider.rules.words import topics

_TYPES = {
    "Bug": r"\bbugs?\b|\bdefects?\b|\bfehlern?\b|\bbogues?\b|\blỗi\b|\berrores\b|缺陷|漏洞|バグ",
    "Story": r"\bstor(?:y|ies)\b|用户故事",
    "Epic": r"\bepics?\b",
    "Task": r"\btasks?\b|\baufgaben?\b|\btâches?\b|\btareas?\b|任务",
}
_STATES = {
    "statusCategory != Done": r"\bopen\b|\bunresolved\b|\bunfinished\b|\boffene?[nrs]?\b|\bouverte?s?\b"
    r"|\babiert[oa]s?\b|\bđang mở\b|\bchưa\b|未解决|未完成|未关闭|打开的|开放|未解決",
    'status = "In Progress"': r"\bin progress\b|\bin arbeit\b|\bđang làm\b|进行中",
    "statusCategory = Done": r"\bclosed\b|\bdone\b|\bresolved\b|\bfixed\b|\berledigte?[nrs]?\b|\bgeschlossene?[nrs]?\b"
    r"|\bfermée?s\b|\bcerrad[oa]s?\b|\bđã (?:đóng|xong)\b|已解决|已关闭|已完成",
}
_MINE = re.compile(
    r"\b(?:my|assigned to me|meine?[nr]?|mir zugewiesen\w*|mes|mis|của tôi)\b|我的|分配给我", re.IGNORECASE
)
_PRIORITY = re.compile(r"\b(highest|high|low|critical)(?:[- ]priority)?\b", re.IGNORECASE)
_DAYS = re.compile(r"\b(?:last|past|letzten|derniers|últimos) (\d{1,3}) (?:days|tagen?|jours|días)\b", re.IGNORECASE)


def issue_type(text: str) -> str | None:
    """Return the issue type that a text names."""
    return _first(_TYPES, text)


def jql(facts: Facts) -> str:
    """Return the JQL of a clause; without a condition all issues, newest first."""
    return " AND ".join(_jql(facts)) or "ORDER BY created DESC"


def _jql(facts: Facts) -> Iterator[str]:
    if facts.project:
        yield f"project = {facts.project}"
    kind, state = issue_type(facts.text), _first(_STATES, facts.text)
    if kind:
        yield f"issuetype = {kind}"
    if state:
        yield state
    if _MINE.search(facts.text):
        yield "assignee = currentUser()"
    if priority := _PRIORITY.search(facts.text):
        yield f"priority = {priority.group(1).capitalize()}"
    if days := _DAYS.search(facts.text):
        yield f"created >= -{days.group(1)}d"
    if words := facts.quotation or facts.about:
        yield f'text ~ "{_plain(words)}"'


def cql(facts: Facts) -> str:
    """Return the CQL of a clause."""
    return " AND ".join(["type = page", *_cql(facts)])


def _cql(facts: Facts) -> Iterator[str]:
    if facts.space:
        yield f"space = {facts.space}"
    if words := facts.quotation or facts.about:
        yield f'text ~ "{_plain(words)}"'


def words(facts: Facts) -> str:
    """Return what to look for in words."""
    return facts.quotation or facts.about or " ".join(topics(facts.text)) or facts.text


def _first(patterns: dict[str, str], text: str) -> str | None:
    return next((name for name, pattern in patterns.items() if re.search(pattern, text, re.IGNORECASE)), None)


def _plain(text: str) -> str:
    return text.replace("\\", " ").replace('"', " ").strip()
