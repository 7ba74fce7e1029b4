"""The models that the gateway offers, as its doors need to know them; the pool's admin desk is one."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from domain.ledger import Rate
from domain.model_pool import Deployment, Route


class Models(Protocol):
    """The routes of the pool, as they are at the moment."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return the block for whose length the routes are kept true."""
        ...

    def route(self, asked: str) -> Route | None:
        """Return the route that a name leads to; None: none does, or it is disabled."""
        ...

    def routes_for(self, owner: str) -> Sequence[Route]:
        """Return the routes that an owner may use, by name."""
        ...

    def rates(self, asked: str, owner: str) -> Sequence[Rate]:
        """Return what the deployments cost that may answer a call by this name."""
        ...

    def deployments_of(self, route: Route) -> Sequence[Deployment]:
        """Return the deployments that a route may choose among, without disabled ones."""
        ...
