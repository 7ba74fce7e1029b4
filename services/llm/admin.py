"""What the API may do with the model pool: tables only. It calls no provider; a check of a credential is a workflow.

No answer holds a credential, and this process opens none for use.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.ledger import Rate
from domain.model_pool import Deployment, Route
from services.llm.config import audit, nodes, standing
from services.llm.config.accounts import AccountView, NewCredential
from services.llm.config.audit import ChangeFilter, PoolChangeView
from services.llm.config.credentials import Credential
from services.llm.config.deployments import DeploymentView
from services.llm.config.desks import AccountDesk, DeploymentDesk, ProviderDesk, RouteDesk
from services.llm.config.edit import Kind, Source, Who, editing
from services.llm.config.node_objects import Node
from services.llm.config.nodes import NodeView
from services.llm.config.providers import ProviderView
from services.llm.config.rewrapping import Rewrapped, rewrap
from services.llm.config.routes import RouteView
from services.llm.config.standing import PoolStanding
from services.llm.pool.catalogue import Catalogue, Snapshot
from services.llm.pool.port import Need
from services.llm.pool.rates import rates
from services.llm.prices import Prices
from services.storage import audit as audit_log
from services.storage.audit import Act, By
from services.storage.database import Database
from services.vault.vault import Vault

__all__ = [
    "AccountView",
    "ChangeFilter",
    "Credential",
    "DeploymentView",
    "Kind",
    "NewCredential",
    "Node",
    "NodeView",
    "PoolAdmin",
    "PoolChangeView",
    "PoolStanding",
    "ProviderView",
    "Rewrapped",
    "RouteView",
]


class PoolAdmin:
    """The pool's desk, and what the gateway must know of routes.

    Attributes:
        providers, accounts, deployments, routes: The desks of what is configured; `by` is who the audit names.
    """

    def __init__(self, db: Database, vault: Vault) -> None:
        self.providers = ProviderDesk(db)
        self.accounts = AccountDesk(db, vault)
        self.deployments = DeploymentDesk(db)
        self.routes = RouteDesk(db)
        self._db = db
        self._vault = vault
        self._catalogue = Catalogue(db, None)
        self._prices = Prices.load()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the copy of the routes true for the length of the block."""
        await self._catalogue.start()
        try:
            yield
        finally:
            await self._catalogue.close()

    async def refresh(self) -> None:
        """Take over at once what has changed. Raises Unavailable."""
        await self._catalogue.refresh()

    def route(self, asked: str) -> Route | None:
        """Return the route that a caller asks for; None: there is none, or it is disabled."""
        return self._catalogue.snapshot.route(asked)

    def routes_for(self, owner: str) -> tuple[Route, ...]:
        """Return the enabled routes that an owner may use, by name and version."""
        return tuple(
            route
            for route in self._catalogue.snapshot.routes
            if not route.disabled and (route.owners is None or owner in route.owners)
        )

    def deployments_of(self, route: Route) -> tuple[Deployment, ...]:
        """Return the deployments that a route may choose among, without disabled ones, each once."""
        snapshot = self._catalogue.snapshot
        ids = dict.fromkeys(target.deployment_id for target in route.targets)
        found = (snapshot.deployments.get(id_) for id_ in ids)
        return tuple(each for each in found if each is not None and _is_enabled(snapshot, each))

    def rates(self, asked: str, owner: str) -> tuple[Rate, ...]:
        """Return what the deployments cost that may answer a call by this name, fallbacks too.

        Raises:
            ModelUnknown: There is no such route, or the owner may not use it.
        """
        return rates(self._catalogue.snapshot, Need(call_id="", model=asked, owner=owner), self._prices)

    async def beat(self, by: Who, node_id: str, node: Node) -> NodeView:
        """Register a node, or note that it lives.

        Raises:
            InvalidInput: Its address is refused, or there are too many nodes or targets.
        """
        seen = await nodes.beat(self._db, node_id, node)
        if seen is not None:
            return seen
        async with self._db.transaction() as tx:
            async with editing(tx, by, Source.NODE) as edit:
                await nodes.register(edit, node_id, node)
            return await nodes.view(tx, node_id)

    async def list_nodes(self, after: str | None, limit: int) -> tuple[list[NodeView], str | None]:
        """Return a page of nodes; see `nodes.page`."""
        return await nodes.page(self._db, after, limit)

    async def remove_node(self, by: Who, node_id: str) -> None:
        """Take a node out of the pool. Raises NotFound."""
        async with self._db.transaction() as tx, editing(tx, by, Source.NODE) as edit:
            await nodes.remove(edit, node_id)

    async def changes(
        self, narrowed: ChangeFilter, before: int | None, limit: int
    ) -> tuple[list[PoolChangeView], int | None]:
        """Return a page of the audit; see `audit.page`."""
        return await audit.page(self._db, narrowed, before, limit)

    async def rewrap(self, by: By) -> Rewrapped:
        """Bring every credential under the master key in use. Raises Unavailable; what is done stays done."""
        await audit_log.record(self._db, by, Act("pool_credentials.rewrap", "pool_credentials", "*"))
        return await rewrap(self._db, self._vault)

    async def standing(self) -> PoolStanding:
        """Return what of the pool is out of use."""
        return await standing.standing(self._db)


def _is_enabled(snapshot: Snapshot, deployment: Deployment) -> bool:
    entry = snapshot.accounts[deployment.account_id]
    return not (deployment.disabled or entry.account.disabled or entry.provider.disabled)
