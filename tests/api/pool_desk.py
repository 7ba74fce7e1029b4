"""The API with the desk of the model pool, over a database of its own."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from temporalio.client import Client

from api.parts import Deployment, Parts
from services.llm.admin import PoolAdmin
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.vault.vault import Vault
from tests.api.served import serving

Json = dict[str, Any]
SECRET = "sk-s3cr3t-Value"
VAULT = Vault({"k1": b"1" * 32}, active="k1")


@dataclass
class PoolDesk:
    """A client of the API. Ids made by it are of this desk alone."""

    api: httpx.AsyncClient
    admin: PoolAdmin
    name: str = field(default_factory=lambda: f"t{secrets.token_hex(4)}")

    async def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Json:
        """Call the API below /v1/pool, and return what it says."""
        answer = await self.api.request(method, f"/v1/pool{path}", **options)
        assert answer.status_code == status, answer.text
        said: Json = answer.json() if answer.content else {}
        return said

    async def provider(self, name: str = "p", base_url: str = "http://127.0.0.1:9/v1", **fields: Any) -> str:
        """Add a provider; returns its id."""
        body = {"id": f"{self.name}-{name}", "dialect": "openai", "base_url": base_url, **fields}
        return str((await self.ask("POST", "/providers", 201, json=body))["id"])

    async def account(self, provider_id: str, name: str = "a", **fields: Any) -> Json:
        """Add an account with a credential."""
        body = {"id": f"{self.name}-{name}", "provider_id": provider_id, "credential": SECRET, **fields}
        return await self.ask("POST", "/accounts", 201, json=body)

    async def deployment(self, account_id: str, name: str = "d", **fields: Any) -> str:
        """Add a deployment; returns its id."""
        body = {"id": f"{self.name}-{name}", "account_id": account_id, "model": "m", **fields}
        return str((await self.ask("POST", "/deployments", 201, json=body))["id"])

    async def route(self, name: str, *deployments: str, **fields: Any) -> Json:
        """Add a route."""
        body = {"name": name, "targets": [{"deployment_id": id_} for id_ in deployments], **fields}
        return await self.ask("POST", "/routes", 201, json=body)

    async def filled(self) -> tuple[str, str, str, str]:
        """Add one of each; returns their ids, provider first."""
        provider = await self.provider()
        account = (await self.account(provider))["id"]
        deployment = await self.deployment(account)
        route = f"{self.name}/model"
        await self.route(route, deployment)
        return provider, account, deployment, route


@asynccontextmanager
async def pool_desk(database: Database, client: Client, task_queue: str) -> AsyncIterator[PoolDesk]:
    """Serve the API with a desk."""
    admin = PoolAdmin(database, VAULT)
    parts = Parts(database, EventReader(database), client, Deployment(task_queue), pool=admin)
    async with serving(parts) as api:
        yield PoolDesk(api, admin)
