"""What the pure rooms do in an order never comes from a set: its order differs between two replays.

A set may be asked, measured, sorted, or made into another set. Names count as sets by what is assigned to them and by
their annotations, calls by the annotations of our functions.
"""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.house.source import Source, functions, planted, pure

SET_TYPES = frozenset({"set", "frozenset", "AbstractSet", "MutableSet", "Set"})
SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
IN_ORDER = frozenset({"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "next", "reversed", "dict"})
ORDERLESS = frozenset({"sorted", "any", "all", "len", "sum", "min", "max", "set", "frozenset"})


class _Order:
    """The ordered uses of sets within one function or module; `names` hold sets."""

    def __init__(self, source: Source, returning: frozenset[str], names: set[str]) -> None:
        self._source = source
        self._returning = returning
        self.names = names

    def findings(self, scope: ast.AST) -> Iterator[str]:
        orderless = {id(argument) for node in ast.walk(scope) for argument in _orderless_arguments(node)}
        for node in ast.walk(scope):
            if id(node) not in orderless and any(self.is_set(walked) for walked in _walked(node)):
                yield f"{self._source.at(node)}: goes through a set in its own order"

    def learn(self, scope: ast.AST) -> None:
        """Take note of the names that hold sets."""
        for node in ast.walk(scope):
            if isinstance(node, ast.arg | ast.AnnAssign) and _says_set(node.annotation):
                self.names.add(_target(node))
            elif isinstance(node, ast.Assign) and self.is_set(node.value):
                self.names.update(ast.unparse(target) for target in node.targets)
            elif isinstance(node, ast.NamedExpr) and self.is_set(node.value):
                self.names.add(node.target.id)

    def is_set(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.Name | ast.Attribute):
            return ast.unparse(node) in self.names
        if isinstance(node, ast.IfExp):
            return self.is_set(node.body) or self.is_set(node.orelse)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor | ast.Sub):
            return any(self.is_set(side) or _is_keys(side) for side in (node.left, node.right))
        return isinstance(node, ast.Call) and self._makes_set(node.func)

    def _makes_set(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Name):
            return function.id in {"set", "frozenset"} | self._returning
        if not isinstance(function, ast.Attribute):
            return False
        if function.attr in SET_METHODS or function.attr in self._returning:
            return True
        return function.attr == "copy" and self.is_set(function.value)


def ordered_sets(source: Source, returning: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield where a file goes through a set; `returning`: functions of ours that return one."""
    attributes = _Order(source, returning, set())
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            attributes.learn(node)
    fields = {f"self.{name.removeprefix('self.')}" for name in attributes.names}
    top = _Order(source, returning, set())
    for statement in source.tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            top.learn(statement)
    found = {finding: None for statement in source.tree.body for finding in top.findings(statement)}
    for function in functions(source):
        inner = _Order(source, returning, top.names | fields)
        inner.learn(function.node)
        found |= dict.fromkeys(inner.findings(function.node))
    yield from found


def set_functions(source: Source) -> Iterator[str]:
    """Yield the functions that are annotated to return a set."""
    return (function.node.name for function in functions(source) if _says_set(function.node.returns))


@cache
def _returning() -> frozenset[str]:
    return frozenset(name for source in pure() for name in set_functions(source))


def _walked(node: ast.AST) -> list[ast.expr]:
    """Return what a node goes through in order."""
    if isinstance(node, ast.For | ast.AsyncFor | ast.YieldFrom):
        return [node.value if isinstance(node, ast.YieldFrom) else node.iter]
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        return [generator.iter for generator in node.generators]
    if isinstance(node, ast.Starred):
        return [node.value]
    if not isinstance(node, ast.Call):
        return []
    if isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args:
        return [node.func.value]
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "extend", "fromkeys"):
        return node.args
    return node.args if isinstance(node.func, ast.Name) and node.func.id in IN_ORDER else []


def _orderless_arguments(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Set):
        return node.elts
    if not isinstance(node, ast.Call):
        return []
    named = isinstance(node.func, ast.Name) and node.func.id in ORDERLESS
    method = isinstance(node.func, ast.Attribute) and node.func.attr in SET_METHODS | {"update", "issubset"}
    return node.args if named or method else []


def _says_set(annotation: ast.expr | None) -> bool:
    plain = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(plain, ast.Name) and plain.id in SET_TYPES


def _target(node: ast.arg | ast.AnnAssign) -> str:
    return node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)


def _is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"


def test_nothing_goes_through_a_set() -> None:
    assert [finding for source in pure() for finding in ordered_sets(source, _returning())] == []


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    for x in {1, 2}:\n        start(x)",
        "def f(steps):\n    ready = {step.id for step in steps}\n    return [run(step) for step in ready]",
        "def f(steps: frozenset[str]):\n    return list(steps)",
        "def f(a, b):\n    for key in a.keys() - b.keys():\n        start(key)",
        "def f(a):\n    todo: set[str] = set()\n    while todo:\n        start(todo.pop())",
        "def f(a):\n    return [*set(a)]",
        "def f(a, b):\n    yield from set(a).union(b)",
        "def f(a, b):\n    return ', '.join(set(a) | b)",
        "def f(a):\n    return {x: 1 for x in frozenset(a)}",
        "def f(a):\n    return list(below(a))",
        "class A:\n    def __init__(self):\n        self.x = set()\n    def f(self):\n        return list(self.x)",
        "KINDS = {'a', 'b'}\ndef f():\n    return tuple(KINDS)",
        "for kind in {'a', 'b'}:\n    start(kind)",
    ],
)
def test_order_of_a_set_is_found(text: str) -> None:
    assert list(ordered_sets(planted(text), frozenset({"below"})))


@pytest.mark.parametrize(
    "text",
    [
        "def f(a):\n    return [run(x) for x in sorted(set(a))]",
        "def f(a):\n    seen = set(a)\n    return any(x in seen for x in seen), len(seen), {y for y in seen}",
        "def f(a):\n    return 'x' in {'x'}, sorted(x for x in set(a)), frozenset().union(*(g(y) for y in a))",
        "def f(a: list[str]):\n    return [x for x in a]",
    ],
)
def test_a_set_may_be_asked_measured_and_sorted(text: str) -> None:
    assert list(ordered_sets(planted(text))) == []
