"""One desk for each kind of what is configured: listing, reading, adding, replacing, switching, removing.

Every change is one transaction: the object, its audit, and the version by which all processes learn of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from domain.model_pool import Account, Deployment, Provider, Route
from domain.value import Value
from services.llm.config import accounts, deployments, parking, providers, routes
from services.llm.config.accounts import AccountView, NewCredential
from services.llm.config.deployments import DeploymentView
from services.llm.config.edit import Edit, Source, Who, editing
from services.llm.config.providers import ProviderView
from services.llm.config.routes import RouteView
from services.llm.config.shelf import ACCOUNTS, DEPLOYMENTS, PROVIDERS, ROUTES, Key, Shelf, Stored
from services.storage.database import Database
from services.storage.statements import Statements
from services.vault.vault import Vault

V = TypeVar("V", bound=Value)
W = TypeVar("W", bound=Value)


class Desk(ABC, Generic[V, W]):
    """What is the same for every kind. `V` is what is stored, `W` what is shown of it."""

    def __init__(self, db: Database, shelf: Shelf[V]) -> None:
        self._db = db
        self._shelf = shelf

    @abstractmethod
    async def show(self, where: Statements, stored: Sequence[Stored[V]]) -> list[W]:
        """Return objects as people see them."""

    async def page(self, after: Key | None, limit: int, of: str | None = None) -> tuple[list[W], Key | None]:
        """Return objects in the order of their names, those of one parent (`of`) only when it is given.

        Returns:
            The objects, and the name after which the next page begins; None: this was the last.
        """
        found = await self._shelf.page(self._db, after, of, limit + 1)
        last = self._shelf.key_of(found[limit - 1].value) if len(found) > limit else None
        return await self.show(self._db, found[:limit]), last

    async def read(self, key: Key) -> W:
        """Return an object. Raises NotFound."""
        return await self._read(self._db, key)

    async def switch(self, by: Who, key: Key, *, disabled: bool, expected: int | None = None) -> W:
        """Take an object out of use, or into it again.

        Raises:
            NotFound: There is none of this name.
            StaleRevision: It has another revision than expected.
        """
        return await self._changed(
            by, key, lambda edit: self._shelf.switch(edit, key, disabled=disabled, expected=expected)
        )

    async def _changed(self, by: Who, key: Key, change: Callable[[Edit], Awaitable[None]]) -> W:
        async with self._db.transaction() as tx:
            async with editing(tx, by, Source.ADMIN) as edit:
                await change(edit)
            return await self._read(tx, key)

    async def _removed(self, by: Who, change: Callable[[Edit], Awaitable[None]]) -> None:
        async with self._db.transaction() as tx, editing(tx, by, Source.ADMIN) as edit:
            await change(edit)

    async def _read(self, where: Statements, key: Key) -> W:
        found = await self.show(where, [await self._shelf.get(where, key)])
        if not found:
            raise self._shelf.unknown()
        return found[0]


class ProviderDesk(Desk[Provider, ProviderView]):
    """Providers; see `services.llm.config.providers` for what is refused."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, PROVIDERS)

    async def show(self, where: Statements, stored: Sequence[Stored[Provider]]) -> list[ProviderView]:
        """Return providers as people see them."""
        del where
        return [providers.view(each) for each in stored]

    async def create(self, by: Who, provider: Provider) -> ProviderView:
        """Add a provider."""
        return await self._changed(by, (provider.id,), lambda edit: providers.create(edit, provider))

    async def replace(self, by: Who, provider: Provider, expected: int | None) -> ProviderView:
        """Replace a provider."""
        return await self._changed(by, (provider.id,), lambda edit: providers.replace(edit, provider, expected))

    async def delete(self, by: Who, provider_id: str, expected: int | None) -> None:
        """Remove a provider."""
        await self._removed(by, lambda edit: providers.delete(edit, provider_id, expected))


class AccountDesk(Desk[Account, AccountView]):
    """Accounts; see `services.llm.config.accounts` for what is refused."""

    def __init__(self, db: Database, vault: Vault) -> None:
        super().__init__(db, ACCOUNTS)
        self._vault = vault

    async def show(self, where: Statements, stored: Sequence[Stored[Account]]) -> list[AccountView]:
        """Return accounts as people see them, without credentials."""
        return await accounts.views(where, self._vault, stored)

    async def create(self, by: Who, account: Account, credential: NewCredential | None) -> AccountView:
        """Add an account."""
        return await self._changed(
            by, (account.id,), lambda edit: accounts.create(edit, self._vault, account, credential)
        )

    async def replace(
        self, by: Who, account: Account, credential: NewCredential | None, expected: int | None
    ) -> AccountView:
        """Replace an account; without `credential` the stored one stays."""
        return await self._changed(
            by, (account.id,), lambda edit: accounts.replace(edit, self._vault, account, credential, expected)
        )

    async def delete(self, by: Who, account_id: str, expected: int | None) -> None:
        """Remove an account."""
        await self._removed(by, lambda edit: accounts.delete(edit, account_id, expected))

    async def unpark(self, by: Who, account_id: str) -> AccountView:
        """Use a parked account again; one that is in use stays so. Raises NotFound."""

        async def change(edit: Edit) -> None:
            await parking.unpark(edit, account_id)

        return await self._changed(by, (account_id,), change)


class DeploymentDesk(Desk[Deployment, DeploymentView]):
    """Deployments; see `services.llm.config.deployments` for what is refused."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, DEPLOYMENTS)

    async def show(self, where: Statements, stored: Sequence[Stored[Deployment]]) -> list[DeploymentView]:
        """Return deployments as people see them."""
        del where
        return [deployments.view(each) for each in stored]

    async def create(self, by: Who, deployment: Deployment) -> DeploymentView:
        """Add a deployment."""
        return await self._changed(by, (deployment.id,), lambda edit: deployments.create(edit, deployment))

    async def replace(self, by: Who, deployment: Deployment, expected: int | None) -> DeploymentView:
        """Replace a deployment."""
        return await self._changed(by, (deployment.id,), lambda edit: deployments.replace(edit, deployment, expected))

    async def delete(self, by: Who, deployment_id: str, expected: int | None) -> None:
        """Remove a deployment."""
        await self._removed(by, lambda edit: deployments.delete(edit, deployment_id, expected))


class RouteDesk(Desk[Route, RouteView]):
    """Routes; see `services.llm.config.routes` for what is refused. A key is (name, version)."""

    def __init__(self, db: Database) -> None:
        super().__init__(db, ROUTES)

    async def show(self, where: Statements, stored: Sequence[Stored[Route]]) -> list[RouteView]:
        """Return routes as people see them."""
        del where
        return [routes.view(each) for each in stored]

    async def create(self, by: Who, route: Route) -> RouteView:
        """Add a route."""
        return await self._changed(by, ROUTES.key_of(route), lambda edit: routes.create(edit, route))

    async def replace(self, by: Who, route: Route, expected: int | None) -> RouteView:
        """Replace a route."""
        return await self._changed(by, ROUTES.key_of(route), lambda edit: routes.replace(edit, route, expected))

    async def delete(self, by: Who, key: Key, expected: int | None) -> None:
        """Remove a route."""
        name, version = key
        await self._removed(by, lambda edit: routes.delete(edit, name, version, expected))
