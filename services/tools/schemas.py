"""JSON values against the JSON schemas of strangers: offline, with linear regular expressions, within bounds."""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs
from pydantic import JsonValue

from domain.errors import Problem
from domain.tools import SCHEMA_LIMIT
from services.tools.schema_cost import COST_LIMIT, cost

_PATTERN_BYTES = 1024 * 1024
_COMPILED = 128
_UNFIT = (ValueError, TypeError, RecursionError, OverflowError)
"""What a schema or a value that the validator cannot take raises; its own errors are ValueErrors."""


def violations(schema: dict[str, Any], value: JsonValue, *, limit: int = 20) -> tuple[Problem, ...]:
    """Return how a value breaks a schema; nothing when the schema itself is no good.

    Args:
        schema: A JSON Schema of any draft. One that is too large, does not compile, or whose check would take too long
            for this value counts as absent.
        value: Any JSON value.
        limit: How many problems are told at most.

    Returns:
        Problems with code `schema`, and JSON pointers into the value.
    """
    validator = _validator(schema)
    if validator is None or cost(schema, value) > COST_LIMIT:
        return ()
    try:
        return tuple(islice(_problems(validator, value), limit))
    except _UNFIT:
        return (Problem(code="schema", path="", message="this is no JSON value that can be checked"),)


def usable(schema: dict[str, Any]) -> bool:
    """Whether a schema is small enough and compiles."""
    return _validator(schema) is not None


def _problems(validator: jsonschema_rs.Validator, value: Any) -> Iterator[Problem]:
    for error in validator.iter_errors(value):
        yield Problem(code="schema", path=_pointer(error.instance_path), message=error.message)


def _pointer(path: list[str | int]) -> str:
    """Return a path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Validator | None:
    try:
        text = json.dumps(schema)
    except _UNFIT:
        return None
    return _compiled(text) if len(text) <= SCHEMA_LIMIT else None


@lru_cache(_COMPILED)
def _compiled(text: str) -> jsonschema_rs.Validator | None:
    options = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    try:
        return jsonschema_rs.validator_for(json.loads(text), offline=True, pattern_options=options)
    except (*_UNFIT, jsonschema_rs.ReferencingError):
        return None
