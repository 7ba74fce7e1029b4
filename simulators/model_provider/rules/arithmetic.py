"""Sums that stand in a text: `what is 12*7` → 84."""

import ast
import operator
import re
from collections.abc import Callable
from fractions import Fraction

_EXPRESSION = re.compile(r"[(\-]?\d[\d.\s()+\-*/×÷xX]{0,80}\d\)?|\d\s*[+\-*/×÷]\s*\d")
_SIGN = re.compile(r"[+*/]|(?<=[\d)\s])-")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{2,4}")
_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SPELLING = str.maketrans({"×": "*", "x": "*", "X": "*", "÷": "/"})


def solve(text: str) -> tuple[str, str] | None:
    """Return the first sum in a text and its value, None when there is none."""
    for match in _EXPRESSION.finditer(_DATE.sub(" ", text[:2000])):
        expression = " ".join(match.group().split())
        value = _value(expression.translate(_SPELLING))
        if value is not None:
            return expression, _spell(value)
    return None


def _value(source: str) -> Fraction | None:
    if not _SIGN.search(source):
        return None
    try:
        return _reduce(ast.parse(source, mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError):
        return None


def _reduce(node: ast.expr) -> Fraction:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_reduce(node.left), _reduce(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_reduce(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    raise ValueError("no sum")


def _spell(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6g}"
