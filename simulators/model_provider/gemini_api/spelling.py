"""Google's JSON takes field names in camelCase and in snake_case, schemas in capitals, and no unknown names."""

import re

from simulators.model_provider.errors import ApiError
from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object

_WORD_START = re.compile(r"_([a-z])")


def camel(data: JsonObject) -> JsonObject:
    """Return an object with its own names in camelCase."""
    return {_WORD_START.sub(lambda match: match.group(1).upper(), name): value for name, value in data.items()}


def refuse_unknown(data: JsonObject, known: frozenset[str], where: str) -> None:
    """Raise ApiError if an object has another name than these."""
    unknown = next((name for name in data if name not in known), None)
    if unknown is not None:
        at = f' at "{where}"' if where else ""
        message = f'Invalid JSON payload received. Unknown name "{unknown}"{at}: Cannot find field.'
        raise ApiError(400, message, unknown)


def plain_schema(schema: Json) -> Json:
    """Return a schema of Google's (types in capitals, `nullable`) as JSON Schema has it."""
    fields = as_object(schema)
    if fields is None:
        items = as_list(schema)
        return schema if items is None else [plain_schema(item) for item in items]
    plain = {name: _plain_field(name, value) for name, value in fields.items() if name != "nullable"}
    if fields.get("nullable") is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain


def _plain_field(name: str, value: Json) -> Json:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in ("enum", "required", "const", "example", "default"):
        return value
    if name == "properties":
        return {key: plain_schema(item) for key, item in (as_object(value) or {}).items()}
    return plain_schema(value)
