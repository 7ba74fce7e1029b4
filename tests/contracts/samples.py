"""A value of any type of ours with every field set."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import JsonValue

_PLAIN: Mapping[object, object] = {
    str: "é 🙂 \x00",
    int: 2,
    float: 2.5,
    bool: True,
    datetime: datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC),
    JsonValue: [1, None, {"x": 1.5}],
    Any: {"any": [1, None, "x", 1.5]},
}
_BY_NAME: Mapping[str, object] = {"language": "pt-BR"}
"""Fields whose text has a form."""


def sample(hint: Any) -> Any:
    """Return a value for a type hint."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return sample(next(argument for argument in arguments if argument is not type(None)))
    if origin is Annotated:
        return sample(arguments[0])
    if origin is Literal:
        return arguments[-1]
    if origin is tuple:
        return (sample(arguments[0]),)
    if origin is list:
        return [sample(arguments[0])]
    if origin is dict:
        return {"key": sample(arguments[1])}
    return _PLAIN[hint] if hint in _PLAIN else _of_class(hint)


def _of_class(cls: Any) -> Any:
    if issubclass(cls, Enum):
        return list(cls)[-1]
    hints = get_type_hints(cls, include_extras=True)
    names: list[str] = list(getattr(cls, "model_fields", None) or cls.__dataclass_fields__)
    return cls(**{name: _BY_NAME.get(name) or sample(hints[name]) for name in names})
