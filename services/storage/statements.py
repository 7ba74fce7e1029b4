"""Where a statement runs: what needs one only takes either a transaction or the database itself."""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Row as SelectedRow
from sqlalchemy import Select

from services.storage.driver import Row


class Statements(Protocol):
    """A `Tx`, whose statements take effect together; or a `Database`, each of whose is a transaction of its own.

    The latter needs neither BEGIN nor COMMIT, so it takes one round trip instead of three.
    """

    async def fetch(self, query: str, *parameters: object) -> list[Row]:
        """Run a statement and return its rows; parameters as in `services.storage.driver.Driver`."""
        ...

    async def select(self, query: Select[*tuple[Any, ...]]) -> Sequence[SelectedRow[*tuple[Any, ...]]]:
        """Run a query of SQLAlchemy's."""
        ...

    def grew(self, request_id: str) -> None:
        """Tell the process's notifier, once it is committed, that the request's log grew."""
        ...
