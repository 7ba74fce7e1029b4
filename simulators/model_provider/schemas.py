"""JSON schema output: make a value fit a schema, or build the smallest one that does.

Knows what providers allow in structured output (types, enum, const, anyOf, oneOf, allOf, $ref, required,
additionalProperties, bounds, formats); `pattern` is not honoured.
"""

from typing import Any, cast

from simulators.model_provider.json_value import Json, JsonObject, as_object

Schema = JsonObject

_ABSENT = object()
_MAX_DEPTH = 20
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}
_PYTHON: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def minimal(schema: Schema) -> Json:
    """Return the smallest value that is valid against a schema."""
    return _Fitter(schema).fit(_ABSENT, schema, 0)


def fit(value: Json, schema: Schema) -> Json:
    """Return the value with what a schema forbids left out and what it requires added."""
    return _Fitter(schema).fit(value, schema, 0)


class _Fitter:
    """Fits values; `root` resolves references."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def fit(self, value: Json, schema: Schema, depth: int) -> Json:
        if depth > _MAX_DEPTH:
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return value if value in schema["enum"] else schema["enum"][0]
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self.fit(value, self._branch(value, branches, depth), depth + 1)
        return self._fit_type(value, schema, depth)

    def _resolved(self, schema: Schema) -> Schema:
        for _ in range(_MAX_DEPTH):
            if "$ref" not in schema:
                break
            rest = {key: item for key, item in schema.items() if key != "$ref"}
            schema = self._target(str(schema["$ref"])) | rest
        for part in schema.get("allOf", ()):
            schema = _merged(schema, self._resolved(part))
        return schema

    def _target(self, reference: str) -> Schema:
        node = self._root
        for key in filter(None, reference.removeprefix("#").split("/")):
            node = as_object(node.get(key)) or {}
        return node

    def _branch(self, value: Json, branches: list[Schema], depth: int) -> Schema:
        """Choose the branch whose type the value has; deep down null for an absent one, if allowed; else the first."""
        resolved = [self._resolved(branch) for branch in branches]
        if value is _ABSENT:
            nulls = [branch for branch in resolved if branch.get("type") == "null"]
            return nulls[0] if nulls and depth > 1 else resolved[0]
        return next((branch for branch in resolved if _has_type(value, branch)), resolved[0])

    def _fit_type(self, value: Json, schema: Schema, depth: int) -> Json:
        kind = _type_of(value, schema)
        if not _has_type(value, {"type": kind}):
            value = _ABSENT
        match kind:
            case "object":
                return self._object({} if value is _ABSENT else value, schema, depth)
            case "array":
                return self._array([] if value is _ABSENT else value, schema, depth)
            case "string":
                return _string(value, schema)
            case "integer" | "number":
                return _number(value, schema, kind)
            case "boolean":
                return False if value is _ABSENT else value
            case _:
                return None if value is _ABSENT else value

    def _object(self, value: dict[str, Any], schema: Schema, depth: int) -> dict[str, Any]:
        properties: dict[str, Schema] = schema.get("properties", {})
        others: Schema | bool = schema.get("additionalProperties", True)
        result: dict[str, Any] = {}
        for name, item in value.items():
            if name in properties:
                result[name] = self.fit(item, properties[name], depth + 1)
            elif others is not False:
                result[name] = self.fit(item, as_object(others) or {}, depth + 1)
        for name in schema.get("required", ()):
            if name not in result:
                result[name] = self.fit(_ABSENT, properties.get(name, {}), depth + 1)
        return result

    def _array(self, value: list[Any] | tuple[Any, ...], schema: Schema, depth: int) -> list[Any]:
        items: Schema = schema.get("items") or {}
        result = [self.fit(item, items, depth + 1) for item in value][: schema.get("maxItems")]
        missing = int(schema.get("minItems", 0)) - len(result)
        return result + [self.fit(_ABSENT, items, depth + 1) for _ in range(missing)]


def _merged(schema: Schema, part: Schema) -> Schema:
    merged = {key: item for key, item in schema.items() if key != "allOf"} | {
        key: item for key, item in part.items() if key not in ("properties", "required")
    }
    merged["properties"] = schema.get("properties", {}) | part.get("properties", {})
    merged["required"] = [*schema.get("required", ()), *part.get("required", ())]
    if not merged["properties"]:
        del merged["properties"], merged["required"]
    return merged


def _type_of(value: Json, schema: Schema) -> str | None:
    declared = schema.get("type")
    if isinstance(declared, list):
        kinds = cast("list[str]", declared)
        return next((kind for kind in kinds if _has_type(value, {"type": kind})), kinds[0])
    if declared is None and ("properties" in schema or "required" in schema):
        return "object"
    return declared


def _has_type(value: Json, schema: Schema) -> bool:
    declared = schema.get("type")
    if declared is None:
        return "properties" not in schema or isinstance(value, dict)
    kinds = cast("list[str]", declared) if isinstance(declared, list) else [str(declared)]
    return any(_is_of(value, kind) for kind in kinds)


def _is_of(value: Json, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _PYTHON.get(kind, ()))


def _string(value: Json, schema: Schema) -> str:
    text = str(_FORMATS.get(schema.get("format", ""), "text") if value is _ABSENT else value)
    text = text.ljust(int(schema.get("minLength", 0)), "x")
    return text[: schema.get("maxLength")]


def _number(value: Json, schema: Schema, kind: str) -> int | float:
    number: int | float = 0 if value is _ABSENT else value
    step = schema.get("multipleOf", 1 if kind == "integer" else None)
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and number < low:
        number = low
    if above is not None and number <= above:
        number = above + (step or 1)
    if high is not None and number > high:
        number = high
    if below is not None and number >= below:
        number = below - (step or 1)
    return number if step is None or number % step == 0 else _on_step(number, step, high)


def _on_step(number: float, step: float, high: float | None) -> int | float:
    upper = -(-number // step) * step
    result = upper if high is None or upper <= high else upper - step
    return int(result) if float(result).is_integer() else result
