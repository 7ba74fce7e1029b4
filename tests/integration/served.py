"""The running product with the tool servers of an mcpServers file, and what a plan of theirs is made of."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg

from composition.start import import_configuration
from runtime.settings import Settings
from services.storage.migrate import migrate
from tests.workflows.product import Json, Product, eventually
from tests.workflows.running import running

READ_WITHIN_S = 40.0


async def new_database(address: str) -> str:
    """Make an empty database with our tables on the server of this one; return its address."""
    name = f"integration_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(address.replace("+asyncpg", ""))
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    before, _, options = address.partition("?")
    made = f"{before.rpartition('/')[0]}/{name}?{options}"
    await migrate(made)
    return made


@asynccontextmanager
async def serving_file(settings: Settings, folder: Path, servers: Json) -> AsyncIterator[Product]:
    """Run the product with a file of tool servers, taken over as at every start, and read what they offer."""
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    chosen = settings.model_copy(update={"tool_servers_file": file, "state_dir": folder / "state"})
    async with running(chosen) as product:
        assert product.services is not None
        await import_configuration(chosen, product.services)
        await refreshed(product, servers)
        yield product


async def refreshed(product: Product, names: Collection[str]) -> None:
    """Have the servers' lists read, by hand as an admin does, and wait until each is known."""
    answers = await asyncio.gather(*(product.api.post(f"/v1/tool-servers/{name}/refresh") for name in names))
    assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
    for name in names:
        await eventually(partial(_offers, product, name), within_s=READ_WITHIN_S)


async def offered(product: Product, server: str) -> dict[str, Json]:
    """Return what may be used of a server, by name."""
    answer = await product.api.get("/v1/tools", params={"server": server})
    assert answer.status_code == 200, answer.text
    return {tool["name"]: tool for tool in answer.json()["tools"]}


async def _offers(product: Product, server: str) -> bool:
    return bool(await offered(product, server))


def step(server: str, name: str, step_id: str = "s1", **fields: Any) -> Json:
    """Return a step that acts through a server; `type` is tool unless told, `parameters` are the arguments."""
    parameters, kind = fields.pop("parameters", {}), fields.pop("type", "tool")
    return {
        "id": step_id,
        "kind": "tool",
        "prompt": f"call {name}",
        "mcp_target_server_id": server,
        "mcp_action_type": kind,
        "mcp_action_name": name,
        "mcp_parameters": parameters,
        **fields,
    }


async def results(product: Product, request_id: str) -> dict[str, str]:
    """Return the results of a request's steps that have one, whole, by step."""
    steps = await product.steps(request_id)
    return {step_id: one["result"]["text"] for step_id, one in steps.items() if one["result"] is not None}


async def told(product: Product, request_id: str, *types: str) -> list[tuple[str, Json]]:
    """Return the events of these types in their order: type and data."""
    events = await product.events(request_id)
    return [(event["event"], json.loads(event["data"])) for event in events if event["event"] in types]
