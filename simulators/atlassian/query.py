"""The query language that JQL and CQL share: clauses of field, operator and values, joined by AND, OR and NOT.

What the fields mean is each product's own (`jira/jql.py`, `confluence/cql.py`).
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator>!=|!~|<=|>=|=|~|<|>)
      | (?P<bracket>[(),])
      | (?P<word>[^\s"'=!~<>(),]+)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "order", "by", "asc", "desc", "empty", "null"})
_MAX_DEPTH = 50


class QueryError(ValueError):
    """A query that this language does not know."""


class Value(NamedTuple):
    """A text, or a function's name with its arguments; `EMPTY` is the value of no text."""

    text: str | None
    function: str | None = None
    arguments: tuple[str, ...] = ()


EMPTY = Value(None)


class Clause(NamedTuple):
    """One comparison; the operator is one of = != ~ !~ < <= > >= in, `not in`, is, `is not`."""

    field: str
    operator: str
    values: tuple[Value, ...]


class Both(NamedTuple):
    """All of the parts."""

    parts: tuple["Condition", ...]


class Either(NamedTuple):
    """One of the parts at least."""

    parts: tuple["Condition", ...]


class Negation(NamedTuple):
    """Not the part."""

    part: "Condition"


Condition = Clause | Both | Either | Negation


class Order(NamedTuple):
    """One field to sort by."""

    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A condition (None: everything) and an order."""

    condition: Condition | None
    orders: tuple[Order, ...]


class _Token(NamedTuple):
    kind: str
    text: str
    at: int

    @property
    def keyword(self) -> str:
        """The keyword that it is, in small letters; empty for anything else."""
        lowered = self.text.lower()
        return lowered if self.kind == "word" and lowered in _KEYWORDS else ""


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        QueryError: It is not of this language.
    """
    return _Parser(text).query()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise QueryError(f"The character '{text[position:].lstrip()[:1]}' at {position + 1} is not expected here.")
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
        position = match.end()
    return [*found, _Token("end", "the end", len(text) + 1)]


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def query(self) -> Query:
        starts_at_once = self._now.keyword == "order" or self._now.kind == "end"
        condition = None if starts_at_once else self._either()
        orders = self._orders() if self._now.keyword == "order" else ()
        if self._now.kind != "end":
            raise self._unexpected("AND, OR or the end")
        return Query(condition, orders)

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._now
        self._at += token.kind != "end"
        return token

    def _take(self, *texts: str) -> bool:
        """Step over the next token if it is one of these brackets or keywords."""
        token = self._now
        found = token.keyword in texts or (token.kind == "bracket" and token.text in texts)
        self._at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(f"'{text}'")

    def _unexpected(self, wanted: str) -> QueryError:
        return QueryError(f"Expecting {wanted} but got '{self._now.text}' (character {self._now.at}).")

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _negation(self) -> Condition:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise QueryError("The query nests too deep.")
        if self._take("not"):
            found: Condition = Negation(self._negation())
        elif self._take("("):
            found = self._either()
            self._expect(")")
        else:
            found = self._clause()
        self._depth -= 1
        return found

    def _clause(self) -> Clause:
        if self._now.kind not in ("word", "string") or self._now.keyword:
            raise self._unexpected("a field")
        field = _plain(self._next())
        operator = self._operator()
        return Clause(field, operator, self._values() if operator.endswith("in") else (self._value(),))

    def _operator(self) -> str:
        if self._now.kind == "operator":
            return self._next().text
        if self._take("is"):
            return "is not" if self._take("not") else "is"
        negated = self._take("not")
        self._expect_operator_in()
        return "not in" if negated else "in"

    def _expect_operator_in(self) -> None:
        if not self._take("in"):
            raise self._unexpected("an operator, one of = != ~ !~ < <= > >= IN NOT IN IS")

    def _values(self) -> tuple[Value, ...]:
        self._expect("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Value:
        if self._take("empty", "null"):
            return EMPTY
        if self._now.kind not in ("word", "string") or self._now.keyword:
            raise self._unexpected("a value")
        token = self._next()
        if token.kind == "word" and self._take("("):
            return Value(None, token.text.lower(), self._arguments())
        return Value(_plain(token))

    def _arguments(self) -> tuple[str, ...]:
        arguments: list[str] = []
        while not self._take(")"):
            arguments.append(_plain(self._next()))
            if self._now.kind == "end":
                raise self._unexpected("')'")
            self._take(",")
        return tuple(arguments)

    def _orders(self) -> tuple[Order, ...]:
        self._expect("order")
        self._expect("by")
        orders = [self._order()]
        while self._take(","):
            orders.append(self._order())
        return tuple(orders)

    def _order(self) -> Order:
        if self._now.kind not in ("word", "string") or self._now.keyword:
            raise self._unexpected("a field to order by")
        field = _plain(self._next())
        descending = self._take("desc")
        if not descending:
            self._take("asc")
        return Order(field, descending)


def _plain(token: _Token) -> str:
    return _ESCAPE.sub(r"\1", token.text[1:-1]) if token.kind == "string" else token.text
