"""How long a schema's check of a value can take, before it is tried.

A schema that refers to itself twice on one level takes time exponential in the value's depth, and a validator cannot
be stopped. The bound: how often a value at the end of one path is looked at, times the number of values.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, cast
from urllib.parse import unquote

COST_LIMIT = 1_000_000
"""Looks at a value; at worst half a second."""
EXPLAINED_LIMIT = 40_000
"""Looks up to which a failed check is explained: an explanation takes tens of microseconds and kilobytes for each."""
DEPTH_LIMIT = 64

_SAME = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies", "extends")
_BELOW = ("items", "additionalItems", "contains", "patternProperties", "additionalProperties", "propertyNames")
_ONE_OF = ("properties", "prefixItems")
"""Of these, one child meets one schema only."""
_AGAIN = ("unevaluatedProperties", "unevaluatedItems")
"""To know what is left, a validator looks at everything on the level once more."""
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def cost(schema: dict[str, Any], value: Any) -> int:
    """Return a bound on the looks that a check takes; over `COST_LIMIT` it may be too low."""
    values, depth = _measure(value)
    if depth > DEPTH_LIMIT:
        return COST_LIMIT + 1
    try:
        return values * _looks(schema, depth)
    except RecursionError:
        return COST_LIMIT + 1


def _measure(value: Any) -> tuple[int, int]:
    """Return how many values a value holds, and how deep."""
    level, count, depth = [value], 0, 0
    while level and depth <= DEPTH_LIMIT:
        count, depth = count + len(level), depth + 1
        level = [child for item in level for child in _children(item)]
    return count, depth


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[object]", value) if isinstance(value, list) else []


def _looks(root: dict[str, Any], depth: int) -> int:
    """Return how often a value `depth` levels down is looked at, for the path where that is most."""
    found: dict[tuple[int, int], int] = {}
    anchors = _anchors(root)

    def looks(schema: Any, left: int) -> int:
        if not isinstance(schema, dict) or left == 0:
            return 1
        key = (id(cast("object", schema)), left)
        if key not in found:
            found[key] = 1  # a reference that leads back on the same level is looked at once
            found[key] = min(count(cast("dict[str, Any]", schema), left), COST_LIMIT + 1)
        return found[key]

    def count(schema: dict[str, Any], left: int) -> int:
        total = 1 + sum(looks(part, left) for part in _parts(schema, _SAME))
        total += sum(looks(resolve(schema[name]), left) for name in _REFERENCES if name in schema)
        total += sum(looks(part, left - 1) for part in _parts(schema, _BELOW + _AGAIN))
        total += sum(max((looks(part, left - 1) for part in _parts(schema, (name,))), default=0) for name in _ONE_OF)
        return total * 2 if any(name in schema for name in _AGAIN) else total

    @cache
    def resolve(reference: Any) -> Any:
        return _resolved(root, anchors, str(reference))

    return looks(root, depth)


def _parts(schema: dict[str, Any], keywords: tuple[str, ...]) -> Iterator[Any]:
    """Yield the schemas under some keywords."""
    for keyword in keywords:
        part = schema.get(keyword)
        if isinstance(part, list):
            yield from cast("list[object]", part)
        elif isinstance(part, dict) and keyword in (
            "properties",
            "patternProperties",
            "dependentSchemas",
            "dependencies",
        ):
            yield from cast("dict[str, Any]", part).values()
        elif part is not None:
            yield part


def _resolved(root: dict[str, Any], anchors: dict[str, Any], reference: str) -> Any:
    """Return what a reference within a schema points to; the whole, when that cannot be told."""
    fragment = reference.partition("#")[2]
    if not fragment.startswith("/"):
        return anchors.get(reference, anchors.get(fragment, root))
    node: Any = root
    for part in fragment[1:].split("/"):
        node = _step(node, unquote(part).replace("~1", "/").replace("~0", "~"))
    return node


def _step(node: Any, part: str) -> Any:
    if isinstance(node, dict):
        return cast("dict[str, Any]", node).get(part)
    if isinstance(node, list) and part.isdigit() and int(part) < len(cast("list[object]", node)):
        return cast("list[object]", node)[int(part)]
    return None


def _anchors(root: Any) -> dict[str, Any]:
    """Return the schemas that have a name of their own."""
    found: dict[str, Any] = {}
    level = [root]
    while level:
        for node in level:
            if isinstance(node, dict):
                schema = cast("dict[str, Any]", node)
                found.update(
                    {str(schema[name]): schema for name in ("$anchor", "$dynamicAnchor", "$id") if name in schema}
                )
        level = [child for node in level for child in _children(node)]
    return found
