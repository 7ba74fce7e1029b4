"""From tables to a `Snapshot`. What has not changed since the last reading is not read, checked and opened again."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from domain.model_pool import Account, Deployment, Provider, Route
from domain.value import Value
from services.llm.chat import Target
from services.llm.config import credentials
from services.llm.config.base_urls import is_this_machines
from services.llm.pool.snapshot import AccountEntry, Snapshot
from services.storage.database import Database, Tx
from services.storage.driver import Row
from services.vault.errors import VaultError
from services.vault.vault import Vault

_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_VERSION = "SELECT version FROM pool_version WHERE id = 1"
_PROVIDERS = "SELECT id, data, updated_at FROM pool_provider ORDER BY id"
_ACCOUNTS = "SELECT id, provider_id, data, credential, parked_at, updated_at FROM pool_account ORDER BY id"
_DEPLOYMENTS = "SELECT id, account_id, data, updated_at FROM pool_deployment ORDER BY id"
_ROUTES = "SELECT name, version, data, updated_at FROM pool_route ORDER BY name, version"
_BREATH = 200
"""Rows after which others get the event loop."""

_log = logging.getLogger(__name__)
V = TypeVar("V", bound=Value)


@dataclass(frozen=True)
class _Rows:
    version: int
    providers: list[Row]
    accounts: list[Row]
    deployments: list[Row]
    routes: list[Row]


@dataclass
class _Kept:
    """What was made of rows, by their keys and the times of their last change."""

    values: dict[tuple[Any, ...], Any] = field(default_factory=dict[tuple[Any, ...], Any])
    used: dict[tuple[Any, ...], Any] = field(default_factory=dict[tuple[Any, ...], Any])

    def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        made = self.values[key] if key in self.values else make()
        self.used[key] = made
        return made


class Reading:
    """Reads the configuration of the pool. `vault` None: credentials stay sealed."""

    def __init__(self, db: Database, vault: Vault | None) -> None:
        self._db = db
        self._vault = vault
        self._kept = _Kept()

    async def version(self) -> int:
        """Return how often the configuration was changed. Raises Unavailable."""
        rows = await self._db.fetch(_VERSION)
        return rows[0]["version"] if rows else 0

    async def snapshot(self) -> Snapshot:
        """Return the configuration of one moment.

        A row that is no valid value any more is left out, with a line in the log, as is what stands on it.

        Raises:
            Unavailable: The database does not answer.
        """
        async with self._db.transaction() as tx:
            rows = await _rows(tx)
        self._kept = _Kept(self._kept.used)
        providers = {row["id"]: (row["updated_at"], await self._value(row, Provider)) for row in rows.providers}
        accounts = await self._accounts(rows.accounts, providers)
        deployments = {row["id"]: await self._value(row, Deployment) for row in rows.deployments}
        routes = [await self._value(row, Route) for row in rows.routes]
        return Snapshot(
            rows.version,
            accounts,
            {id_: found for id_, found in deployments.items() if found is not None and found.account_id in accounts},
            tuple(route for route in routes if route is not None),
        )

    async def _value(self, row: Row, kind: type[V]) -> V | None:
        key = (kind, *(row[name] for name in ("id", "name", "version") if name in row), row["updated_at"])
        await self._breathe()
        found: V | None = self._kept.get(key, partial(read, row, kind))
        return found

    async def _breathe(self) -> None:
        if len(self._kept.used) % _BREATH == 0:
            await asyncio.sleep(0)

    async def _accounts(
        self, rows: list[Row], providers: Mapping[str, tuple[datetime, Provider | None]]
    ) -> dict[str, AccountEntry]:
        entries: dict[str, AccountEntry] = {}
        for row in rows:
            changed, provider = providers.get(row["provider_id"], (None, None))
            account = await self._value(row, Account)
            if provider is not None and account is not None:
                key = (AccountEntry, row["id"], row["updated_at"], row["parked_at"], provider.id, changed)
                entries[row["id"]] = self._kept.get(key, partial(self._entry, account, provider, row))
        return entries

    def _entry(self, account: Account, provider: Provider, row: Row) -> AccountEntry:
        credential, unopened = self._credential(row)
        target = Target(
            dialect=provider.dialect,
            base_url=provider.base_url,
            credential=credential,
            headers=provider.headers,
            simulated=provider.simulated,
            connect_s=provider.connect_s,
            silence_s=provider.silence_s,
            allow_private=provider.allow_private or is_this_machines(provider.base_url),
        )
        return AccountEntry(account, provider, target, row["parked_at"] is not None or unopened, unopened)

    def _credential(self, row: Row) -> tuple[str | None, bool]:
        """Return the credential, if there is one to be had here, and whether it refuses to be opened."""
        if self._vault is None or row["credential"] is None:
            return None, False
        try:
            return credentials.open_(self._vault, row["id"], bytes(row["credential"])), False
        except (VaultError, UnicodeDecodeError) as error:
            _log.warning("the credential of pool account %s cannot be opened: %s", row["id"], type(error).__name__)
            return None, True


async def _rows(tx: Tx) -> _Rows:
    await tx.driver.execute(_ONE_MOMENT)
    found = [await tx.fetch(query) for query in (_VERSION, _PROVIDERS, _ACCOUNTS, _DEPLOYMENTS, _ROUTES)]
    return _Rows(found[0][0]["version"] if found[0] else 0, *found[1:])


def read(row: Row, kind: type[V]) -> V | None:
    """Return the value in a row's `data`; None, with a line in the log, when it is none."""
    try:
        return kind.model_validate(row["data"])
    except ValidationError:
        name = row.get("id", row.get("name"))
        _log.warning("%s %s of the pool's configuration is unreadable", kind.__name__.lower(), name)
        return None
