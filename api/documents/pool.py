"""The model pool on the wire: what is configured, nodes, the audit."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from contracts.pool_checks import CheckedAccount
from domain.model_pool import Account, Deployment, PoolId, Provider, Route
from services.llm.admin import (
    AccountView,
    Credential,
    DeploymentView,
    Kind,
    NewCredential,
    Node,
    NodeView,
    PoolChangeView,
    ProviderView,
    RouteView,
)

_PROVIDER: JsonDict = {"id": "openai", "dialect": "openai", "base_url": "https://api.openai.com/v1"}
_ACCOUNT: JsonDict = {
    "id": "openai.main",
    "provider_id": "openai",
    "credential": "sk-…",
    "limits": [{"kind": "requests", "amount": 500, "window_s": 60}, {"kind": "concurrency", "amount": 20}],
}
_DEPLOYMENT: JsonDict = {"id": "openai.main.gpt-4o", "account_id": "openai.main", "model": "gpt-4o"}
_ROUTE: JsonDict = {"name": "gpt-4o", "targets": [{"deployment_id": "openai.main.gpt-4o"}], "strategy": "fastest"}
_NODE: JsonDict = {"base_url": "http://127.0.0.1:11434/v1", "models": ["llama3.2"], "ttl_s": 15}

_Cursor = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]+$")]
Revision = Annotated[
    int | None, Field(default=None, ge=1, lt=10**9, description="What this replaces; another one is a 409.")
]


class ProviderBody(Provider):
    """A provider."""

    model_config = ConfigDict(json_schema_extra={"example": _PROVIDER})

    expected_revision: Revision = None

    def value(self) -> Provider:
        """Return the provider alone."""
        return Provider(**{name: getattr(self, name) for name in Provider.model_fields})


class AccountBody(Account):
    """An account. `credential` is never shown again; absent, the stored one stays; null removes it."""

    model_config = ConfigDict(json_schema_extra={"example": _ACCOUNT})

    credential: Credential | None = None
    expected_revision: Revision = None

    def value(self) -> Account:
        """Return the account alone."""
        return Account(**{name: getattr(self, name) for name in Account.model_fields})

    def new_credential(self) -> NewCredential | None:
        """Return the credential to set; None: leave it as it is."""
        return NewCredential(self.credential) if "credential" in self.model_fields_set else None


class DeploymentBody(Deployment):
    """A deployment."""

    model_config = ConfigDict(json_schema_extra={"example": _DEPLOYMENT})

    expected_revision: Revision = None

    def value(self) -> Deployment:
        """Return the deployment alone."""
        return Deployment(**{name: getattr(self, name) for name in Deployment.model_fields})


class RouteBody(Route):
    """A route."""

    model_config = ConfigDict(json_schema_extra={"example": _ROUTE})

    expected_revision: Revision = None

    def value(self) -> Route:
        """Return the route alone."""
        return Route(**{name: getattr(self, name) for name in Route.model_fields})


class NodeBody(Node):
    """What a self-hosted backend says of itself, again and again, well within each `ttl_s`."""

    model_config = ConfigDict(json_schema_extra={"example": _NODE})


class SwitchBody(BaseModel):
    """Take an object out of use, or into it again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"disabled": True}})

    disabled: bool
    expected_revision: Revision = None


class PageQuery(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")

    after: _Cursor | None = Field(default=None, description="`after` of the page before.")
    limit: int = Field(default=100, ge=1, le=500)


class AccountsQuery(PageQuery):
    """Which accounts."""

    provider_id: PoolId | None = None


class DeploymentsQuery(PageQuery):
    """Which deployments."""

    account_id: PoolId | None = None


class ProvidersDocument(BaseModel):
    """Providers by id. `after`: give it to get the next page; null on the last."""

    providers: list[ProviderView]
    after: str | None


class AccountsDocument(BaseModel):
    """Accounts by id, without credentials. `after`: give it to get the next page; null on the last."""

    accounts: list[AccountView]
    after: str | None


class DeploymentsDocument(BaseModel):
    """Deployments by id. `after`: give it to get the next page; null on the last."""

    deployments: list[DeploymentView]
    after: str | None


class RoutesDocument(BaseModel):
    """Routes by name and version. `after`: give it to get the next page; null on the last."""

    routes: list[RouteView]
    after: str | None


class NodesDocument(BaseModel):
    """Nodes by id. `after`: give it to get the next page; null on the last."""

    nodes: list[NodeView]
    after: str | None


class AccountTestDocument(BaseModel):
    """A check of a credential. `finished` False: it goes on, and the account's `checked_at` tells its end."""

    finished: bool
    result: CheckedAccount | None = None


class PoolChangesQuery(BaseModel):
    """Which changes."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = None
    object_id: _Cursor | None = Field(default=None, description="A route is `name` or `name@version`.")
    before: int | None = Field(default=None, ge=1, le=2**63 - 1, description="`before` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class PoolChangesDocument(BaseModel):
    """Who changed what, newest first. `before`: give it to get the next page; null on the last."""

    changes: list[PoolChangeView]
    before: int | None
