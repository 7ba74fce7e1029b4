"""Regular expressions in schemas: few enough to compile quickly, or left out.

Servers write look-arounds, which no linear engine takes; and thousands of large patterns take seconds to compile.
Without its patterns a schema still tells types and names, and the server checks its own patterns itself.
"""

from typing import Any, cast

PATTERNS_LIMIT = 100

_REST = ("additionalProperties", "unevaluatedProperties")
"""What these forbid depends on the patterns."""


def count(schema: object) -> int:
    """Return how many patterns a schema has."""
    if isinstance(schema, list):
        return sum(count(part) for part in cast("list[object]", schema))
    if not isinstance(schema, dict):
        return 0
    fields = cast("dict[str, object]", schema)
    own = isinstance(fields.get("pattern"), str) + len(_patterns(fields))
    return own + sum(count(part) for part in fields.values())


def without(schema: Any) -> Any:
    """Return a schema that forbids nothing by patterns."""
    if isinstance(schema, list):
        return [without(part) for part in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    fields = cast("dict[str, object]", schema)
    left_out = {"pattern"} if isinstance(fields.get("pattern"), str) else set[str]()
    if _patterns(fields):
        left_out |= {"patternProperties", *_REST}
    return {name: without(part) for name, part in fields.items() if name not in left_out}


def _patterns(fields: dict[str, object]) -> dict[str, object]:
    patterns = fields.get("patternProperties")
    return cast("dict[str, object]", patterns) if isinstance(patterns, dict) else {}
