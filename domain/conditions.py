"""Safe conditions over earlier steps: a small language of its own, never Python.

    expression := and_expr ("or" and_expr)*
    and_expr   := not_expr ("and" not_expr)*
    not_expr   := "not" not_expr | comparison
    comparison := operand (("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains") operand)?
    operand    := "(" expression ")" | string | number | "true" | "false" | "null" | path
    path       := "steps." id (".status" | ".result" ("." key)*)

`steps.s1.result` is the step's text; `steps.s1.result.key` reads a JSON result. Unlike types are unequal and in no
order, never an error; a missing key is null, and so is every key of a result nested over 100 levels. An expression has
at most 500 characters and 20 levels.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import JsonValue

from domain.errors import ConditionInvalid
from domain.step import StepStatus

MAX_LENGTH = 500
MAX_DEPTH = 20
MAX_JSON_DEPTH = 100
"""Levels of a JSON result: far below what the interpreter's stack bears, so that the answer is the same everywhere."""

_TOKEN = re.compile(
    r"\s*(?:(?P<path>steps(?:\.[A-Za-z0-9_-]+)+)|(?P<word>[A-Za-z_]+)|(?P<number>-?[0-9]+(?:\.[0-9]+)?)"
    r'|(?P<string>"[^"]*"|\'[^\']*\')|(?P<op>==|!=|<=|>=|<|>|\(|\)))'
)
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "contains"})
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}


class Token(NamedTuple):
    """One token: its kind (path, word, number, string, op, end) and text."""

    kind: str
    text: str


class Path(NamedTuple):
    """A reference to a step's `status` or `result`, and the keys into a JSON result."""

    step_id: str
    field: str
    keys: tuple[str, ...]


class Literal(NamedTuple):
    """A constant."""

    value: Any


class Operation(NamedTuple):
    """An operator and its operands."""

    operator: str
    operands: "tuple[Node, ...]"


Node = Path | Literal | Operation


class StepFacts(NamedTuple):
    """What a condition can see of a step. `text` None: there is no result."""

    status: StepStatus
    text: str | None


@lru_cache(maxsize=1024)
def parse(source: str) -> Node:
    """Parse an expression. Remembered, for a waiting step's condition is judged again at every event.

    Raises:
        ConditionInvalid: It is too long, too deep, or not of the grammar above.
    """
    if len(source) > MAX_LENGTH:
        raise ConditionInvalid(f"a condition has at most {MAX_LENGTH} characters")
    parser = _Parser(_tokens(source))
    node = parser.disjunction(0)
    parser.expect("end")
    return node


def references(node: Node) -> frozenset[str]:
    """Return the ids of the steps that an expression reads."""
    if isinstance(node, Path):
        return frozenset({node.step_id})
    if isinstance(node, Operation):
        return frozenset[str]().union(*(references(operand) for operand in node.operands))
    return frozenset()


def reads_results(node: Node) -> frozenset[str]:
    """Return the ids of the steps whose result, not only status, an expression reads."""
    if isinstance(node, Path):
        return frozenset({node.step_id}) if node.field == "result" else frozenset()
    if isinstance(node, Operation):
        return frozenset[str]().union(*(reads_results(operand) for operand in node.operands))
    return frozenset()


def evaluate(node: Node, facts: Mapping[str, StepFacts]) -> bool:
    """Return whether an expression holds. Steps that are not in `facts` read as null."""
    return bool(_value(node, _Results(facts)))


class _Results:
    """Looks up what paths name. A JSON result is parsed once, however often it is read."""

    def __init__(self, facts: Mapping[str, StepFacts]) -> None:
        self._facts = facts
        self._documents: dict[str, JsonValue] = {}

    def read(self, path: Path) -> JsonValue:
        step = self._facts.get(path.step_id)
        if step is None:
            return None
        if path.field == "status":
            return step.status.value
        if step.text is None or not path.keys:
            return step.text
        if path.step_id not in self._documents:
            self._documents[path.step_id] = _document(step.text)
        return _dig(self._documents[path.step_id], path.keys)


def _document(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [item for outer in level for item in _items(outer)]
    return None if level else value


def _items(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _dig(value: JsonValue, keys: tuple[str, ...]) -> JsonValue:
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _value(node: Node, results: _Results) -> Any:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Path):
        return results.read(node)
    if node.operator == "not":
        return not _value(node.operands[0], results)
    if node.operator == "and":
        return all(_value(operand, results) for operand in node.operands)
    if node.operator == "or":
        return any(_value(operand, results) for operand in node.operands)
    return _compare(node.operator, _value(node.operands[0], results), _value(node.operands[1], results))


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("==", "!="):
        same = isinstance(left, bool) == isinstance(right, bool) and bool(left == right)
        return same == (operator == "==")
    if operator == "contains":
        return isinstance(left, (str, list)) and isinstance(right, str) and bool(right in left)
    if not _comparable(left, right):
        return False
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator])


def _comparable(left: Any, right: Any) -> bool:
    numbers = all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (left, right))
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _tokens(source: str) -> list[Token]:
    tokens: list[Token] = []
    position, end = 0, len(source.rstrip())
    while position < end:
        match = _TOKEN.match(source, position)
        if match is None:
            raise ConditionInvalid(f"unexpected character at {position}: {source[position : position + 10]!r}")
        kind = str(match.lastgroup)
        tokens.append(Token(kind, match.group(kind)))
        position = match.end()
    return [*tokens, Token("end", "")]


class _Parser:
    """Recursive descent over the tokens; every level counts towards `MAX_DEPTH`."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def expect(self, kind: str, text: str | None = None) -> None:
        token = self._tokens[self._at]
        if token.kind != kind or (text is not None and token.text != text):
            raise ConditionInvalid(f"expected {text or kind}, found {token.text or 'the end'!r}")
        self._at += 1

    def disjunction(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise ConditionInvalid(f"a condition has at most {MAX_DEPTH} levels")
        operands = [self._conjunction(depth)]
        while self._accept("word", "or"):
            operands.append(self._conjunction(depth))
        return operands[0] if len(operands) == 1 else Operation("or", tuple(operands))

    def _conjunction(self, depth: int) -> Node:
        operands = [self._negation(depth)]
        while self._accept("word", "and"):
            operands.append(self._negation(depth))
        return operands[0] if len(operands) == 1 else Operation("and", tuple(operands))

    def _negation(self, depth: int) -> Node:
        if not self._accept("word", "not"):
            return self._comparison(depth)
        if depth > MAX_DEPTH:
            raise ConditionInvalid(f"a condition has at most {MAX_DEPTH} levels")
        return Operation("not", (self._negation(depth + 1),))

    def _comparison(self, depth: int) -> Node:
        left = self._operand(depth)
        operator = self._tokens[self._at].text
        if operator not in _COMPARISONS:
            return left
        self._at += 1
        return Operation(operator, (left, self._operand(depth)))

    def _operand(self, depth: int) -> Node:
        token = self._tokens[self._at]
        if self._accept("op", "("):
            node = self.disjunction(depth + 1)
            self.expect("op", ")")
            return node
        self._at += 1
        if token.kind == "path":
            return _path(token.text)
        if token.kind == "number":
            return Literal(float(token.text) if "." in token.text else int(token.text))
        if token.kind == "string":
            return Literal(token.text[1:-1])
        if token.kind == "word" and token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        raise ConditionInvalid(f"expected a value, found {token.text or 'the end'!r}")

    def _accept(self, kind: str, text: str) -> bool:
        found = self._tokens[self._at] == Token(kind, text)
        self._at += found
        return found


def _path(text: str) -> Path:
    _, step_id, *rest = text.split(".")
    field = rest[0] if rest else ""
    if field not in ("status", "result") or (field == "status" and len(rest) > 1):
        raise ConditionInvalid(f"{text!r} must end in .status or .result")
    return Path(step_id, field, tuple(rest[1:]))
