"""Reading a JSON body field by field: each has the type that is said of it, or the refusal names its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

Json = Mapping[str, Any]


class BadField(Exception):
    """A field cannot be used. `param` is its place, such as `messages[0].content`; the text never quotes its value."""

    def __init__(self, param: str, message: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.message = message
        self.code = code


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object and its place in the body. A field that is null counts as not there."""

    values: Json = field(default_factory=dict[str, Any])
    path: str = ""

    @classmethod
    def of(cls, value: object, path: str = "") -> "Fields":
        """Take a value that must be an object.

        Raises:
            BadField: It is none.
        """
        if not isinstance(value, dict):
            raise BadField(path, "must be an object", "invalid_type")
        return cls(cast("dict[str, Any]", value), path)

    def at(self, key: str) -> str:
        """Return a field's place."""
        return f"{self.path}.{key}" if self.path else key

    def bad(self, key: str, message: str, code: str = "invalid_value") -> BadField:
        """Return the error of a field."""
        return BadField(self.at(key), message, code)

    def has(self, key: str) -> bool:
        """Whether a field is there."""
        return self.values.get(key) is not None

    def required(self, key: str) -> Any:
        """Return a field that must be there.

        Raises:
            BadField: It is not.
        """
        if not self.has(key):
            raise self.bad(key, "is required", "missing_required_parameter")
        return self.values[key]

    def text(self, key: str) -> str:
        """Return a text that must be there.

        Raises:
            BadField: It is not, or is no text.
        """
        value = self.required(key)
        if not isinstance(value, str):
            raise self.bad(key, "must be a string", "invalid_type")
        return value

    def maybe_text(self, key: str) -> str | None:
        """Return a text, None when it is not there."""
        return self.text(key) if self.has(key) else None

    def choice(self, key: str, *choices: str) -> str:
        """Return a text that is one of some.

        Raises:
            BadField: It is not.
        """
        value = self.text(key)
        if value not in choices:
            raise self.bad(key, f"must be one of: {', '.join(choices)}")
        return value

    def flag(self, key: str) -> bool | None:
        """Return a truth value, None when it is not there."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.bad(key, "must be true or false", "invalid_type")
        return value

    def number(self, key: str) -> float | None:
        """Return a number, None when it is not there."""
        value = self.values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.bad(key, "must be a number", "invalid_type")
        return value

    def count(self, key: str, at_least: int = 0) -> int | None:
        """Return a whole number, None when it is not there."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.bad(key, "must be an integer", "invalid_type")
        if value < at_least:
            raise self.bad(key, f"must be at least {at_least}")
        return value

    def member(self, key: str) -> "Fields | None":
        """Return an object, None when it is not there."""
        return Fields.of(self.values[key], self.at(key)) if self.has(key) else None

    def array(self, key: str) -> list[object]:
        """Return a list, an empty one when it is not there."""
        value: object = self.values[key] if self.has(key) else []
        if not isinstance(value, list):
            raise self.bad(key, "must be a list", "invalid_type")
        return cast("list[object]", value)

    def objects(self, key: str) -> list["Fields"]:
        """Return a list of objects, an empty one when it is not there."""
        return [Fields.of(value, f"{self.at(key)}[{place}]") for place, value in enumerate(self.array(key))]

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, an empty one when it is not there."""
        said: list[str] = []
        for place, value in enumerate(self.array(key)):
            if not isinstance(value, str):
                raise BadField(f"{self.at(key)}[{place}]", "must be a string", "invalid_type")
            said.append(value)
        return said

    def rest(self, *known: str) -> dict[str, Any]:
        """Return the fields that are there beside the known ones."""
        return {key: value for key, value in self.values.items() if key not in known and value is not None}

    def only(self, *known: str) -> None:
        """Refuse fields beside the known ones.

        Raises:
            BadField: There is one.
        """
        for key in self.rest(*known):
            raise self.bad(key, "is not supported here", "unsupported_parameter")
