"""Taking over a whole configuration from outside: what is new is added, what differs is replaced, what is gone goes.

Objects of a stronger source stay as they are: an admin's, and for the settings the file's. What something of another
source stands on is disabled instead of removed. Self-hosted nodes keep their places in routes.
"""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import SecretStr

from domain.model_pool import Account, Deployment, Provider, Route, RouteTarget, Strategy
from domain.route_names import RouteNames
from domain.value import Value
from services.llm.config import accounts, credentials
from services.llm.config.accounts import NewCredential
from services.llm.config.edit import Edit, Kind, Source
from services.llm.config.object_ids import TARGETS_LIMIT
from services.llm.config.shelf import ACCOUNTS, DEPLOYMENTS, PROVIDERS, ROUTES, Key, Shelf, Stored, named
from services.vault.errors import VaultError
from services.vault.vault import Vault

V = TypeVar("V", bound=Value)
V_contra = TypeVar("V_contra", bound=Value, contravariant=True)
_CREDENTIALS = "SELECT id, credential FROM pool_account WHERE source = $1"

_STRENGTH = (Source.SETTINGS, Source.FILE, Source.ADMIN)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """A whole configuration. `credentials`: by account; an account without one has none."""

    providers: tuple[Provider, ...] = ()
    accounts: tuple[Account, ...] = ()
    credentials: dict[str, SecretStr] = field(default_factory=dict[str, SecretStr])
    deployments: tuple[Deployment, ...] = ()
    routes: tuple[Route, ...] = ()


@dataclass
class Taken:
    """Names of what was added, changed, removed, disabled, and left because it belongs to another source."""

    added: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    disabled: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])

    def __bool__(self) -> bool:
        """Whether anything was done."""
        return bool(self.added or self.changed or self.removed or self.disabled)


async def take_over(edit: Edit, vault: Vault, wanted: Wanted) -> Taken:
    """Make the configuration of the edit's source what is wanted; that it holds together was checked before.

    Raises:
        InvalidInput: There would be too many of something.
    """
    tx = edit.tx
    known = _Known(await PROVIDERS.all(tx), await ACCOUNTS.all(tx), await DEPLOYMENTS.all(tx), await ROUTES.all(tx))
    taking = _Taking(edit, vault)
    await taking.put(PROVIDERS, wanted.providers, known.providers)
    await taking.put_accounts(wanted, known.accounts)
    await taking.put(DEPLOYMENTS, wanted.deployments, known.deployments)
    await taking.put(ROUTES, [known.with_nodes(route) for route in wanted.routes], known.routes)
    await taking.clear(wanted, known)
    return taking.taken


@dataclass(frozen=True)
class _Known:
    """What is configured before the take-over, of all sources."""

    providers: dict[Key, Stored[Provider]]
    accounts: dict[Key, Stored[Account]]
    deployments: dict[Key, Stored[Deployment]]
    routes: dict[Key, Stored[Route]]

    def node_targets(self, key: Key) -> tuple[RouteTarget, ...]:
        """Return the targets of a route that are self-hosted nodes."""
        if key not in self.routes:
            return ()
        return tuple(target for target in self.routes[key].value.targets if self._is_node(target.deployment_id))

    def with_nodes(self, route: Route) -> Route:
        """Return a route to which the nodes that are in it already are added."""
        more = self.node_targets(ROUTES.key_of(route))
        return route.model_copy(update={"targets": (*route.targets, *more)[:TARGETS_LIMIT]})

    def _is_node(self, deployment_id: str) -> bool:
        stored = self.deployments.get((deployment_id,))
        return stored is not None and stored.source is Source.NODE


class _Taking:
    """The steps of a take-over."""

    def __init__(self, edit: Edit, vault: Vault) -> None:
        self.taken = Taken()
        self._edit = edit
        self._vault = vault

    async def put(self, shelf: Shelf[V], values: Sequence[V], known: Mapping[Key, Stored[V]]) -> None:
        """Add or replace values."""

        async def write(value: V, *, new: bool) -> None:
            await (shelf.add(self._edit, value) if new else shelf.change(self._edit, value))

        await self._put(shelf, values, known, write)

    async def put_accounts(self, wanted: Wanted, known: Mapping[Key, Stored[Account]]) -> None:
        """Add or replace accounts, and set the credentials that are not what is stored."""
        secrets = await self._secrets()
        new_secrets = {
            account.id: NewCredential(secret)
            for account in wanted.accounts
            if (secret := wanted.credentials.get(account.id)) != secrets.get(account.id) or account.id not in secrets
        }

        async def write(account: Account, *, new: bool) -> None:
            await accounts.put(self._edit, self._vault, account, new_secrets.get(account.id), new=new)

        await self._put(ACCOUNTS, wanted.accounts, known, write, frozenset((id_,) for id_ in new_secrets))

    async def _put(
        self,
        shelf: Shelf[V],
        values: Sequence[V],
        known: Mapping[Key, Stored[V]],
        write: "_Write[V]",
        anyway: frozenset[Key] = frozenset(),
    ) -> None:
        await shelf.make_room(self._edit.tx, sum(shelf.key_of(value) not in known for value in values))
        for value in values:
            key = shelf.key_of(value)
            stored, name = known.get(key), f"{shelf.kind} {named(key)}"
            if stored is None:
                await write(value, new=True)
                self.taken.added.append(name)
            elif not self._may_replace(shelf, stored):
                _log.warning("%s is another's: what %s says of it is not used", name, self._edit.actor)
                self.taken.left.append(name)
            elif stored.value != value or stored.source is not self._edit.source or key in anyway:
                await write(value, new=False)
                self.taken.changed.append(name)

    def _may_replace(self, shelf: Shelf[V], stored: Stored[V]) -> bool:
        """Whether an object is of this source or a weaker one: the file's word counts more than the settings'.

        Of what nodes have made, routes only.
        """
        if stored.source is Source.NODE:
            return shelf.kind is Kind.ROUTE
        return _STRENGTH.index(stored.source) <= _STRENGTH.index(self._edit.source)

    async def _secrets(self) -> dict[str, SecretStr | None]:
        """Return the credentials of this source's accounts; one that cannot be opened is left out."""
        found: dict[str, SecretStr | None] = {}
        for row in await self._edit.tx.fetch(_CREDENTIALS, self._edit.source):
            if row["credential"] is None:
                found[row["id"]] = None
                continue
            with contextlib.suppress(VaultError):
                found[row["id"]] = SecretStr(credentials.open_(self._vault, row["id"], bytes(row["credential"])))
        return found

    async def clear(self, wanted: Wanted, known: _Known) -> None:
        """Remove what is of this source and not wanted, from the routes down to the providers."""
        routes = await self._clear_routes(wanted, known)
        used = {(target.deployment_id,) for route in routes for target in route.targets}
        deployments = await self._clear(DEPLOYMENTS, wanted.deployments, known.deployments, used)
        held = {(deployment.account_id,) for deployment in deployments}
        left = await self._clear(ACCOUNTS, wanted.accounts, known.accounts, held)
        await self._clear(PROVIDERS, wanted.providers, known.providers, {(account.provider_id,) for account in left})

    async def _clear_routes(self, wanted: Wanted, known: _Known) -> list[Route]:
        keys = {ROUTES.key_of(route) for route in wanted.routes}
        gone = {key: stored for key, stored in known.routes.items() if self._is_gone(stored, key, keys)}
        staying = [stored.value for key, stored in known.routes.items() if key not in gone and key not in keys]
        staying += wanted.routes
        names = RouteNames([*staying, *(stored.value for stored in gone.values())])
        used = {ROUTES.key_of(found) for route in staying for name in route.fallbacks if (found := names.find(name))}
        for key in gone:
            if targets := known.node_targets(key):
                theirs = Route(name=key[0], version=key[1], targets=targets, strategy=Strategy.LEAST_CONNECTIONS)
                await ROUTES.change(self._edit, theirs, source=Source.NODE)
                staying.append(theirs)
                self.taken.changed.append(f"route {named(key)}")
        rest = {key: stored for key, stored in gone.items() if not known.node_targets(key)}
        return staying + await self._clear(ROUTES, (), rest, used)

    def _is_gone(self, stored: Stored[Any], key: Key, wanted: AbstractSet[Key]) -> bool:
        return stored.source is self._edit.source and key not in wanted

    async def _clear(
        self, shelf: Shelf[V], wanted: Sequence[V], known: Mapping[Key, Stored[V]], used: AbstractSet[Key]
    ) -> list[V]:
        """Remove what is gone and not used, disable what is used; return what is left with what is wanted."""
        keys = {shelf.key_of(value) for value in wanted}
        left = [stored.value for key, stored in known.items() if not self._is_gone(stored, key, keys)]
        for key, stored in known.items():
            if not self._is_gone(stored, key, keys):
                continue
            if key in used:
                left.append(stored.value)
                await self._disable(shelf, key)
            else:
                await self._remove(shelf, key)
        return [*left, *wanted]

    async def _disable(self, shelf: Shelf[V], key: Key) -> None:
        await shelf.switch(self._edit, key, disabled=True)
        self.taken.disabled.append(f"{shelf.kind} {named(key)}")
        _log.warning("%s %s is gone from %s, but in use: it is disabled", shelf.kind, named(key), self._edit.actor)

    async def _remove(self, shelf: Shelf[V], key: Key) -> None:
        await (accounts.remove(self._edit, key[0]) if shelf.kind is Kind.ACCOUNT else shelf.remove(self._edit, key))
        self.taken.removed.append(f"{shelf.kind} {named(key)}")


class _Write(Protocol[V_contra]):
    """Stores a value that is new, or in place of another."""

    async def __call__(self, value: V_contra, /, *, new: bool) -> None: ...
