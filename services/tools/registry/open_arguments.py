"""Arguments that still hold references, against a schema: what is wrong whatever the references turn out to be.

What stands where a reference does is not judged, and neither is a choice (`anyOf`, `enum`, `if` …) over a part that
holds one. Names are never made of references, so a missing or an unknown one counts at once.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import jsonschema_rs

from domain.errors import Problem
from domain.templates import escape, references
from services.tools.client import schemas
from services.tools.client.schema_cost import COST_LIMIT, cost

PROBLEMS = 20

_LOOKED_AT = 200
"""Violations that are looked at to find that many problems."""
_CERTAIN = frozenset(
    {
        *("required", "additionalProperties", "unevaluatedProperties", "propertyNames", "dependentRequired"),
        *("minProperties", "maxProperties", "minItems", "maxItems", "type"),
    }
)
"""Keywords that look at the names and numbers of parts, not at their values."""
_CHOICES = frozenset({"if", "then", "else", "not", "anyOf", "oneOf", "contains", "dependentSchemas", "dependencies"})
_PATTERN_BYTES = 1024 * 1024
_COMPILED = 64


def problems_of(schema: dict[str, Any], arguments: dict[str, Any], path: str = "") -> tuple[Problem, ...]:
    """Return how arguments break a schema, as far as can be told now.

    Args:
        schema: A stranger's JSON Schema; one that is no good counts as absent.
        arguments: The arguments, with references.
        path: The JSON pointer to them, for the problems.

    Raises:
        TemplateUnresolved: They are nested too deep.
    """
    held = tuple(reference.pointer for reference in references(arguments) if reference.step_id is not None)
    if not held:
        found: Iterable[Problem] = schemas.violations(schema, arguments, limit=PROBLEMS)
    elif schemas.usable(schema) and cost(schema, arguments) <= COST_LIMIT:
        found = _certain(schema, arguments, held)
    else:
        found = ()
    return tuple(problem.model_copy(update={"path": f"{path}{problem.path}"}) for problem in found)


def _certain(schema: dict[str, Any], arguments: dict[str, Any], held: tuple[str, ...]) -> list[Problem]:
    found: list[Problem] = []
    for number, error in enumerate(_validator(json.dumps(schema)).iter_errors(arguments)):
        if number >= _LOOKED_AT or len(found) >= PROBLEMS:
            break
        pointer = "".join(f"/{escape(str(part))}" for part in error.instance_path)
        if _counts(pointer, [str(part) for part in error.schema_path], held):
            found.append(Problem(code="schema", path=pointer, message=error.message))
    return found


def _counts(pointer: str, schema_path: list[str], held: tuple[str, ...]) -> bool:
    """Whether a violation stands, whatever the references turn out to be."""
    if pointer in held:
        return False
    if not any(each.startswith(f"{pointer}/") for each in held):
        return True
    return schema_path[-1] in _CERTAIN and not _CHOICES.intersection(schema_path[:-1])


@lru_cache(_COMPILED)
def _validator(text: str) -> jsonschema_rs.Validator:
    options = jsonschema_rs.RegexOptions(size_limit=_PATTERN_BYTES, dfa_size_limit=_PATTERN_BYTES)
    return jsonschema_rs.validator_for(json.loads(text), offline=True, pattern_options=options)
