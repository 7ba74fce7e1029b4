"""What a comparison of a query means: words in a text, moments in time, names."""

import re
from datetime import UTC, datetime, timedelta

from simulators.atlassian.query import Both, Clause, Condition, Either, Negation, QueryError, Value

_WORD = re.compile(r"\w+")
_TERM = re.compile(r'"([^"]*)"|(\S+)')
_RELATIVE = re.compile(r"([+-]?\d+)\s*([mhdwMy])")
_DATES = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%dT%H:%M:%S")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "M": timedelta(days=30),
    "y": timedelta(days=365),
}


class Matcher:
    """Judges things by a query's condition; a product says what its fields are by `clause`."""

    def holds(self, condition: Condition | None) -> bool:
        """Return whether the condition is true of what this matcher looks at."""
        match condition:
            case None:
                return True
            case Both(parts) | Either(parts):
                # All parts are looked at, so that a wrong clause is found wherever it stands.
                results = [self.holds(part) for part in parts]
                return all(results) if isinstance(condition, Both) else any(results)
            case Negation(part):
                return not self.holds(part)
            case Clause():
                return self.clause(condition)

    def clause(self, clause: Clause) -> bool:
        """Return whether one comparison is true.

        Raises:
            QueryError: There is no such field, or it cannot be compared so.
        """
        raise NotImplementedError


def has_words(text: str, wanted: str) -> bool:
    """Return whether a text has all words of a search; `"a b"` stand together, `a*` begins a word."""
    words = [word.casefold() for word in _WORD.findall(text)]
    terms = _TERM.findall(wanted)
    return bool(terms) and all(_has_term(words, phrase or single) for phrase, single in terms)


def _has_term(words: list[str], term: str) -> bool:
    parts = [word.casefold() for word in _WORD.findall(term)]
    if not parts:
        return False
    if term.endswith("*"):
        return any(word.startswith(parts[-1]) for word in words)
    starts = range(len(words) - len(parts) + 1)
    return any(words[start : start + len(parts)] == parts for start in starts)


def compare_names(clause: Clause, names: list[str], current: str = "") -> bool:
    """Compare a field that holds names (none, one or several); `current`: what currentUser() stands for."""
    found = {name.casefold() for name in names}
    wanted = [_name(value, current) for value in clause.values]
    hit = any((not found) if name is None else name.casefold() in found for name in wanted)
    match clause.operator:
        case "=" | "in" | "is":
            return hit
        case "!=" | "not in" | "is not":
            return not hit
        case _:
            raise QueryError(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")


def compare_text(clause: Clause, text: str) -> bool:
    """Compare a field of running text."""
    if clause.operator not in ("~", "!~") or clause.values[0].text is None:
        raise QueryError(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
    return has_words(text, clause.values[0].text) is (clause.operator == "~")


def compare_moment(clause: Clause, moment: datetime, now: datetime) -> bool:
    """Compare a field that is a point in time."""
    wanted = _moment(clause, now)
    match clause.operator:
        case "<":
            return moment < wanted
        case "<=":
            return moment <= wanted
        case ">":
            return moment > wanted
        case ">=":
            return moment >= wanted
        case "=":
            return wanted <= moment < wanted + timedelta(days=1)
        case _:
            raise QueryError(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")


def _name(value: Value, current: str) -> str | None:
    if value.function == "currentuser":
        return current
    if value.function is not None:
        raise QueryError(f"Unable to find the function '{value.function}'.")
    return value.text


def _moment(clause: Clause, now: datetime) -> datetime:
    value = clause.values[0]
    if value.function is not None:
        return _moment_of_function(value, now)
    text = value.text or ""
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        return now + int(relative[1]) * _UNITS[relative[2]]
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise QueryError(
        f"Date value '{text}' for the field '{clause.field}' is invalid. "
        "Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', '-5d', '4w 2d'."
    )


def _moment_of_function(value: Value, now: datetime) -> datetime:
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "now": now,
        "startofday": day,
        "startofweek": day - timedelta(days=day.weekday()),
        "startofmonth": day.replace(day=1),
        "startofyear": day.replace(month=1, day=1),
    }
    if value.function not in starts:
        raise QueryError(f"Unable to find the function '{value.function}'.")
    offset = _RELATIVE.fullmatch(value.arguments[0]) if value.arguments else None
    start = starts[value.function]
    return start if offset is None else start + int(offset[1]) * _UNITS[offset[2]]
