"""A tool server for one test: the simulated MCP server in a process of its own, registered with the product."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from composition.services import Services
from domain.tool_server import Http, LookUp, ServerOptions, ToolServer
from services.tools.registry import servers
from services.tools.registry.refresh import refresh
from tests.workflows.product import Json, Product

LOOK_UP = LookUp(
    tool="note_create",
    mark={"text": "{{arguments.text}} [{{marker}}]"},
    by="note_list",
    arguments={"contains": "{{marker}}"},
    result="notes.0",
    settle_s=0.1,
)
"""How a note that may have been written is looked up: by the mark at its end."""


@dataclass
class Notes:
    """The server: `id` is its name in plans, `control` asks and tells the simulator."""

    id: str
    url: str
    services: Services
    control: httpx.AsyncClient

    async def register(self, **options: Any) -> None:
        """Make it known to the product and read what it offers; registered before: with other options."""
        await self.store(**options)
        await self.refresh()

    async def store(self, **options: Any) -> None:
        """Make it known, and read nothing."""
        chosen = ServerOptions.model_validate({"trusted": True, "look_ups": (LOOK_UP,), **options})
        server = ToolServer(id=self.id, reach=Http(url=f"{self.url}/mcp", allow_private=True), options=chosen)
        tools = self.services.tools
        async with self.services.db.transaction() as tx:
            known = {view.id for view in await servers.views(tx, tools.vault)}
            await (servers.change if self.id in known else servers.create)(tx, tools.vault, server)

    async def forget(self) -> None:
        """Take it out of the registry: no later test shall be offered it."""
        async with self.services.db.transaction() as tx:
            await servers.delete(tx, self.id)

    async def refresh(self) -> None:
        """Read what it offers into the registry."""
        error = await self.try_refresh()
        assert error is None, error

    async def try_refresh(self) -> str | None:
        """Read what it offers; return why that failed."""
        tools = self.services.tools
        server = await servers.load(self.services.db, tools.vault, self.id)
        return (await refresh(self.services.db, tools.connections, server, "hand", pause_s=0.1)).error

    async def behave(self, behaviour: str | None) -> None:
        """Switch a behaviour on, or all off."""
        answer = await self.control.put("__sim/behaviour", json={"behaviour": behaviour})
        assert answer.is_success, answer.text

    async def writes(self) -> list[Json]:
        """Return the writes that were done."""
        answer = await self.control.get("__sim/writes")
        seen: list[Json] = answer.json()["writes"]
        return seen

    def step(self, name: str, step_id: str = "s1", **fields: Any) -> Json:
        """Return a step that calls one of its tools; `parameters` are the arguments."""
        parameters = fields.pop("parameters", {})
        return {
            "id": step_id,
            "kind": "tool",
            "prompt": f"call {name}",
            "mcp_target_server_id": self.id,
            "mcp_action_type": "tool",
            "mcp_action_name": name,
            "mcp_parameters": parameters,
            **fields,
        }


@asynccontextmanager
async def simulator() -> AsyncIterator[str]:
    """Run the simulated MCP server; yields its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.mcp_server", "--port", "0"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            yield (await process.stdout.readline()).decode().strip().removesuffix("/mcp")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def server_at(product: Product, address: str) -> AsyncIterator[Notes]:
    """Yield an honest server of the simulator's many, with a name of its own, not registered yet."""
    assert product.services is not None
    name = f"notes-{secrets.token_hex(4)}"
    url = f"{address}/as/honest/{name}"
    async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as control:
        yield Notes(name, url, product.services, control)


@asynccontextmanager
async def serving(product: Product, **options: Any) -> AsyncIterator[Notes]:
    """Run a server for one test and register it."""
    async with simulator() as address, server_at(product, address) as notes:
        await notes.register(**options)
        try:
            yield notes
        finally:
            await notes.forget()


async def plan(product: Product, *steps: Json) -> None:
    """Let the model plan exactly these steps."""
    await product.fault({"answer_json": {"steps": list(steps)}}, task="plan", times=1)


def as_json(text: str) -> Any:
    """Read a step's result."""
    return json.loads(text)
