"""The API with the registry of tool servers, and simulated MCP servers to put into it."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from temporalio.client import Client

from api.parts import Deployment, Parts
from composition.services import Services
from services.storage.event_reader import EventReader
from services.tools.admin import ToolAdmin
from tests.api.served import serving

Json = dict[str, Any]


@dataclass
class Desk:
    """A client of the API, and the database behind it. What it has added is removed at the end."""

    api: httpx.AsyncClient
    services: Services
    added: list[str] = field(default_factory=list)

    async def get(self, path: str, **query: object) -> Json:
        answer = await self.api.get(path, params={key: str(value) for key, value in query.items()})
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def post(self, path: str, body: Json | None = None, status: int = 200) -> Json:
        answer = await self.api.post(path, json=body)
        assert answer.status_code == status, answer.text
        said: Json = answer.json() if answer.content else {}
        return said

    async def add(self, reach: Json, **more: Any) -> Json:
        """Add a server of a name of its own."""
        server_id = f"s{secrets.token_hex(6)}"
        self.added.append(server_id)
        return await self.post("/v1/tool-servers", {"id": server_id, "reach": reach, **more}, 201)

    async def add_read(self, url: str, **options: Any) -> str:
        """Add a server, have it read, and return its id."""
        reach = {"transport": "http", "url": url, "allow_private": True}
        server = await self.add(reach, options={"trusted": True, **options})
        await self.refresh(server["id"])
        return str(server["id"])

    async def refresh(self, server_id: str) -> Json:
        """Have a server read, whatever was under way before."""
        found: Json = {}
        for _ in range(2):  # the first may join a refresh that began before
            said = await self.post(f"/v1/tool-servers/{server_id}/refresh")
            assert said["finished"], said
            found = said["result"]
        return found

    async def tools(self, server_id: str, **query: object) -> list[Json]:
        listed: list[Json] = (await self.get("/v1/tools", server=server_id, **query))["tools"]
        return listed


@asynccontextmanager
async def desk(services: Services, client: Client, task_queue: str) -> AsyncIterator[Desk]:
    """Serve the API over a worker's services."""
    tools = ToolAdmin(services.db, services.tools.vault, services.tools.commands)
    parts = Parts(services.db, EventReader(services.db), client, Deployment(task_queue), tools)
    async with serving(parts) as api:
        made = Desk(api, services)
        yield made
        for server_id in made.added:
            await api.delete(f"/v1/tool-servers/{server_id}")


@dataclass
class Simulated:
    """A simulated server: where MCP is spoken, and where it is told how to behave."""

    url: str
    control: httpx.AsyncClient

    async def behave(self, behaviour: str | None) -> None:
        answer = await self.control.put("/__sim/behaviour", json={"behaviour": behaviour})
        assert answer.is_success, answer.text


@asynccontextmanager
async def simulated(module: str = "simulators.mcp_server", *arguments: str) -> AsyncIterator[Simulated]:
    """Run a simulated server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--port", "0", *arguments), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().strip()
        async with httpx.AsyncClient(base_url=url.removesuffix("/mcp"), timeout=10, trust_env=False) as control:
            yield Simulated(url, control)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
