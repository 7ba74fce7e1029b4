"""YAML as configuration files need it: a key that stands twice is a mistake, and a mistake has its line."""

from typing import Any

import yaml

from domain.errors import InvalidInput

_TWICE = "a key stands twice"


class _Strict(yaml.SafeLoader):
    """The safe loader, without silent overwriting."""

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002  the library's signature
    ) -> dict[Any, Any]:
        """Return an object; a key that occurs twice in it is an error."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != "<<":
                    raise yaml.MarkedYAMLError(problem=_TWICE, problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load(content: bytes, name: str) -> Any:
    """Return what a file says.

    Raises:
        InvalidInput: It is not YAML in UTF-8; the text names line and column, and quotes nothing.
    """
    try:
        return yaml.load(content.decode("utf-8-sig"), Loader=_Strict)  # noqa: S506  a subclass of the safe loader
    except UnicodeDecodeError:
        raise InvalidInput(f"{name} is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        told = _TWICE if error.problem == _TWICE else "it is not valid YAML"
        raise InvalidInput(f"{name}{place}: {told}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InvalidInput(f"{name} is not valid YAML") from None
