"""Reading fields of a request's JSON, with the refusals that all dialects share.

Written by hand, not by a validator: a benchmark runs through here.
"""

import json

from simulators.model_provider.errors import ApiError
from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object


def read_body(body: bytes) -> JsonObject:
    """Return a request's body.

    Raises:
        ApiError: 400; it is not a JSON object.
    """
    try:
        data = as_object(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "we could not parse the JSON body of your request", code="invalid_json") from error
    if data is None:
        raise ApiError(400, "the body must be a JSON object", code="invalid_type")
    return data


def wrong(where: str, what: str) -> ApiError:
    """Return the refusal of a field that is not what it must be."""
    return ApiError(400, f"'{where}' must be {what}", where, "invalid_type")


def read_model(data: JsonObject) -> str:
    """Return the model's name; raise ApiError without one."""
    model = data.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "you must provide a model parameter", "model", "missing_required_parameter")
    return model


def read_bool(data: JsonObject, field: str) -> bool:
    """Return a truth value that may be absent; raise ApiError for any other."""
    value = data.get(field)
    if value is not None and not isinstance(value, bool):
        raise wrong(field, "a boolean")
    return bool(value)


def read_count(data: JsonObject, field: str) -> int | None:
    """Return a positive number that may be absent; raise ApiError for any other value."""
    value = data.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise wrong(field, "a positive integer")
    return value


def read_objects(raw: Json, where: str) -> list[JsonObject]:
    """Return an array of objects that may be absent; raise ApiError for any other value."""
    if raw is None:
        return []
    items = as_list(raw)
    if items is None:
        raise wrong(where, "an array")
    return [read_object(item, f"{where}[{index}]") for index, item in enumerate(items)]


def read_object(raw: Json, where: str) -> JsonObject:
    """Return an object; raise ApiError for any other value."""
    value = as_object(raw)
    if value is None:
        raise wrong(where, "an object")
    return value


def read_text(raw: Json, where: str) -> str:
    """Return a string that is not empty; raise ApiError for any other value."""
    if not isinstance(raw, str) or not raw:
        raise wrong(where, "a non-empty string")
    return raw


def read_stops(raw: Json, where: str) -> tuple[str, ...]:
    """Return the caller's stop texts, given as one or several; raise ApiError for any other value."""
    if raw is None:
        return ()
    items = [raw] if isinstance(raw, str) else as_list(raw)
    if items is None or not all(isinstance(item, str) for item in items):
        raise wrong(where, "a string or an array of strings")
    return tuple(str(item) for item in items if item)
