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
from services.tools.client import schema_patterns
from services.tools.client.schema_cost import COST_LIMIT, EXPLAINED_LIMIT, cost

_PATTERN_BYTES = 1024 * 1024
_COMPILED = 128
_UNFIT = (ValueError, TypeError, RecursionError, OverflowError)
"""What a schema or a value that the validator cannot take raises; its own errors are ValueErrors."""


def violations(schema: dict[str, Any], value: JsonValue, *, limit: int = 20) -> tuple[Problem, ...]:
    """Return how a value breaks a schema; nothing when the schema itself is no good.

    Args:
        schema: A JSON Schema of any draft. One that is too large, does not compile, or whose check would take too long
            for this value counts as absent; so do patterns that the engine does not take.
        value: Any JSON value.
        limit: How many problems are told at most.

    Returns:
        Problems with code `schema`, and JSON pointers into the value.
    """
    validator, looks = _validator(schema), cost(schema, value)
    if validator is None or looks > COST_LIMIT:
        return ()
    try:
        if validator.is_valid(value):
            return ()
        if looks > EXPLAINED_LIMIT:
            return (_at_all("this breaks the schema; it is too large to say where"),)
        return tuple(islice(_problems(validator, value), limit))
    except _UNFIT:
        return (_at_all("this is no JSON value that can be checked"),)


def usable(schema: dict[str, Any]) -> bool:
    """Whether a schema is small enough and compiles."""
    return _validator(schema) is not None


def _at_all(message: str) -> Problem:
    return Problem(code="schema", path="", message=message)


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
    """Compile a schema; one whose patterns are too many, or not for a linear engine, without them."""
    try:
        schema = json.loads(text)
        whole = _compile(schema) if schema_patterns.count(schema) <= schema_patterns.PATTERNS_LIMIT else None
        return whole or _compile(schema_patterns.without(schema))
    except RecursionError:
        return None


def _compile(schema: dict[str, Any]) -> jsonschema_rs.Validator | None:
    options = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    try:
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=options)
    except (*_UNFIT, jsonschema_rs.ReferencingError):
        return None
