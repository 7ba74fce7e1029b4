"""What models cost, by name, in micro-units per million tokens. An unknown model is free, and said to be unknown."""

from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import TypeAdapter, ValidationError

from domain.budget import Price
from domain.drafts import problems_of
from domain.errors import InvalidInput

BUILT_IN = Path(__file__).with_name("prices.yaml")

_TABLE: TypeAdapter[dict[str, Price]] = TypeAdapter(dict[str, Price])


class Quote(NamedTuple):
    """A model's price. `known` False: it is not in the table, so its calls are counted but cost nothing."""

    price: Price
    known: bool


class Prices:
    """A price table. Names may end in `*`; the longest matching one counts."""

    def __init__(self, table: dict[str, Price]) -> None:
        """Take the prices by name."""
        self._table = sorted(table.items(), key=lambda item: len(item[0]), reverse=True)
        self.quote = lru_cache(maxsize=1024)(self._quote)

    @classmethod
    def load(cls, path: Path | None = None) -> "Prices":
        """Read the built-in table, and another file's over it.

        Raises:
            InvalidInput: A file cannot be read, is not YAML, or is no table of prices; `problems` say where.
        """
        table = _read(BUILT_IN)
        return cls(table | _read(path) if path is not None else table)

    def of(self, model: str) -> Price:
        """Return a model's price, zero when it is not known."""
        return self.quote(model).price

    def _quote(self, model: str) -> Quote:
        for name, price in self._table:
            if fnmatchcase(model, name):
                return Quote(price, known=True)
        return Quote(Price(), known=False)


def _read(path: Path) -> dict[str, Price]:
    try:
        return _TABLE.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except ValidationError as error:
        raise InvalidInput(f"{path.name} is no table of prices", problems_of(error, "")) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path.name} cannot be read: {type(error).__name__}") from error
