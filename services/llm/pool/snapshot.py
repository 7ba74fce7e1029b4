"""The pool's configuration as a process knows it: a value, replaced as a whole when something was changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from domain.model_pool import Account, Deployment, Provider, Route
from domain.route_names import RouteNames
from services.llm.chat import Target


@dataclass(frozen=True)
class AccountEntry:
    """An account, ready to be used.

    Attributes:
        target: Where its calls go. Without the credential in a process that may not have it (the API).
        parked: Out of use: its credential is taken for dead, or cannot be opened.
        unopened: Its credential cannot be opened with the master keys at hand.
    """

    account: Account
    provider: Provider
    target: Target
    parked: bool = False
    unopened: bool = False


@dataclass(frozen=True)
class Snapshot:
    """All that is configured at one moment. `version`: as counted by `pool_version`; 0: nothing was read yet.

    Every deployment's account is in `accounts`; a route may name a deployment that is not there.
    """

    version: int = 0
    accounts: Mapping[str, AccountEntry] = field(default_factory=dict[str, AccountEntry])
    deployments: Mapping[str, Deployment] = field(default_factory=dict[str, Deployment])
    routes: tuple[Route, ...] = ()

    @cached_property
    def _names(self) -> RouteNames:
        return RouteNames(self.routes)

    def route(self, asked: str) -> Route | None:
        """Return the route that a caller asks for by `name`, `name@version`, or a name that some `*` stands for.

        None: there is none, or it is disabled; see `domain.route_names`.
        """
        return self._names.find(asked)
