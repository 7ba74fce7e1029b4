"""`${NAME}` and `${NAME:-default}` in the texts of a file: what stands for a variable of the environment."""

import re
from collections.abc import Mapping
from typing import Any, cast

from domain.errors import Problem
from domain.templates import escape

DEPTH_LIMIT = 30
VALUES_LIMIT = 500_000
"""Values in a file, each counted as often as it is referred to."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class Expansion:
    """Replaces variables, and collects a problem for each one that is missing.

    An empty variable is one that is set; with a default, the default stands for it too.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._variables = variables
        self._values = 0

    def expand(self, value: Any, path: str = "", depth: int = 0) -> Any:
        """Return a value, maybe of lists and objects, with the variables in its texts replaced."""
        self._values += 1
        if depth > DEPTH_LIMIT or self._values > VALUES_LIMIT:
            self._wrong("too_large", path[:100], f"a file nests {DEPTH_LIMIT} levels, and has {VALUES_LIMIT} values")
            return None
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, dict):
            members = cast("dict[object, object]", value)
            return {key: self.expand(item, f"{path}/{escape(str(key))}", depth + 1) for key, item in members.items()}
        if isinstance(value, list):
            items = cast("list[object]", value)
            return [self.expand(item, f"{path}/{index}", depth + 1) for index, item in enumerate(items)]
        return value

    def _text(self, text: str, path: str) -> str:
        def replace(match: re.Match[str]) -> str:
            name, default = match.groups()
            value = self._variables.get(name)
            if default is not None:
                return value or default
            if value is None:
                self._wrong("variable_missing", path, f"the environment variable {name} is not set")
            return value or ""

        expanded = _VARIABLE.sub(replace, text)
        if "\0" in expanded:
            self._wrong("invalid_text", path, "a text holds no NUL")
        return expanded

    def _wrong(self, code: str, path: str, message: str) -> None:
        if not self.problems or self.problems[-1].code != "too_large":
            self.problems.append(Problem(code=code, path=path, message=message))
