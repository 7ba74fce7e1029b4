"""The pool's desk with a few objects in it, and looks into the tables behind it."""

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from domain.model_pool import Account, Deployment, Dialect, Limit, LimitKind, Provider, Route, RouteTarget
from services.llm.admin import NewCredential, PoolAdmin
from services.storage.database import Database
from services.vault.vault import Vault

ANNA = "anna"
SECRET = "sk-s3cr3t-Value"
RPM = Limit(kind=LimitKind.REQUESTS, amount=60, window_s=60)
AT_ONCE = Limit(kind=LimitKind.CONCURRENCY, amount=5)


def provider(id_: str = "p", **fields: Any) -> Provider:
    given: dict[str, Any] = {"dialect": Dialect.OPENAI, "base_url": "http://127.0.0.1:9/v1", **fields}
    return Provider(id=id_, **given)


def account(id_: str = "a", provider_id: str = "p", **fields: Any) -> Account:
    return Account(id=id_, provider_id=provider_id, **fields)


def deployment(id_: str = "d", account_id: str = "a", model: str = "m", **fields: Any) -> Deployment:
    return Deployment(id=id_, account_id=account_id, model=model, **fields)


def route(name: str = "r", *targets: str, **fields: Any) -> Route:
    return Route(name=name, targets=tuple(RouteTarget(deployment_id=id_) for id_ in targets), **fields)


def credential(secret: str = SECRET) -> NewCredential:
    return NewCredential(SecretStr(secret))


@dataclass(frozen=True)
class Stage:
    """The desk, and its database."""

    db: Database
    vault: Vault
    admin: PoolAdmin

    async def fill(self) -> None:
        """Add provider p, its account a with a credential, deployment d, and route r."""
        await self.admin.providers.create(ANNA, provider())
        await self.admin.accounts.create(ANNA, account(limits=(RPM,)), credential())
        await self.admin.deployments.create(ANNA, deployment())
        await self.admin.routes.create(ANNA, route("r", "d"))

    async def version(self) -> int:
        (row,) = await self.db.fetch("SELECT version FROM pool_version")
        return int(row["version"])

    async def limits(self, account_id: str = "a") -> set[tuple[str, float, int, bool]]:
        rows = await self.db.fetch("SELECT * FROM pool_limit WHERE account_id = $1", account_id)
        return {(row["kind"], row["window_s"], row["amount"], row["learnt"]) for row in rows}

    async def sealed(self, account_id: str = "a") -> bytes | None:
        (row,) = await self.db.fetch("SELECT credential FROM pool_account WHERE id = $1", account_id)
        return None if row["credential"] is None else bytes(row["credential"])

    async def opened(self, account_id: str = "a") -> str | None:
        """Return an account's credential in the clear."""
        sealed = await self.sealed(account_id)
        return None if sealed is None else self.vault.open(sealed, bound_to=f"pool_account/{account_id}").decode()

    async def audit(self) -> list[tuple[str, str, str, str]]:
        """Return (actor, action, kind, object) of every change, oldest first."""
        rows = await self.db.fetch("SELECT * FROM pool_change ORDER BY id")
        return [(row["actor"], row["action"], row["kind"], row["object_id"]) for row in rows]

    async def everything(self) -> str:
        """Return all that the tables say, as one text."""
        tables = ("pool_provider", "pool_account", "pool_limit", "pool_deployment", "pool_route", "pool_change")
        found = [await self.db.fetch(f"TABLE {table}") for table in tables]
        return repr([[dict(row) for row in rows] for rows in found])
