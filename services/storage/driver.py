"""The part of an asyncpg connection that the storage uses, typed; asyncpg itself carries no types."""

from collections.abc import Mapping
from typing import Any, Protocol

Row = Mapping[str, Any]
"""A row: values by column name."""


class Driver(Protocol):
    """A connection inside a transaction. `$1` parameters; JSON goes in as text and comes out decoded."""

    async def execute(self, query: str, *parameters: object) -> str:
        """Run a statement; returns its command tag."""
        ...

    async def fetch(
        self,
        query: str,
        *parameters: object,
        timeout: float | None = None,  # noqa: ASYNC109  asyncpg's own name for it
    ) -> list[Row]:
        """Return all rows. `timeout`: in seconds, instead of the connection's own bound."""
        ...

    async def fetchrow(self, query: str, *parameters: object) -> Row | None:
        """Return the first row, None when there is none."""
        ...

    async def fetchval(self, query: str, *parameters: object) -> Any:
        """Return the first column of the first row, None when there is none."""
        ...

    def is_in_transaction(self) -> bool:
        """Whether BEGIN was sent and neither COMMIT nor ROLLBACK since."""
        ...
