"""The whole product as a process, over a database of its own in which fuzzing leaves what it likes, and its callers."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from runtime.local import Supervisor, programs
from runtime.local.ports import free_port
from simulators.oidc_provider.settings import Settings
from tests.api.auth.provider import serve
from tests.api.fuzz import things
from tests.api.fuzz.subject import FuzzCaller, Served
from tests.api.fuzz.things import Seeds, own_work
from tests.integration.served import new_database
from tests.keys import api_client, bearer, process_variables
from tests.workflows.product import eventually


@pytest_asyncio.fixture(scope="session")
async def served(state_dir: Path, database_url: str, temporal_address: str, simulator: str) -> AsyncIterator[Served]:
    """The product, with something of everything in it."""
    folder, port = state_dir / "fuzz", free_port()
    folder.mkdir()
    variables = {
        **process_variables(),
        "LONGHAUL_STATE_DIR": str(folder),
        "DATABASE_URL": await new_database(database_url),
        "TEMPORAL_ADDRESS": temporal_address,
        "LONGHAUL_OPENAI_BASE_URL": simulator,
        "LONGHAUL_OPENAI_MODEL": things.MODEL,
        "LONGHAUL_API_PORT": str(port),
        "LONGHAUL_TASK_QUEUE": f"fuzz-{secrets.token_hex(4)}",
    }
    url = f"http://127.0.0.1:{port}"
    async with Supervisor(folder) as supervisor:
        await supervisor.start(programs.server("127.0.0.1", port, variables))
        async with api_client(url) as admin:
            await eventually(lambda: _is_ready(admin))
            callers = await _callers(admin)
            with (
                serve(Settings({"us": None})) as oidc,
                httpx.Client(base_url=url, headers=callers[0].headers, trust_env=False, timeout=15) as first,
            ):
                yield Served(url, callers, await asyncio.to_thread(Seeds, first, simulator, oidc.url))


async def _is_ready(admin: httpx.AsyncClient) -> bool:
    return (await admin.get(f"/v1/models/{things.MODEL}")).is_success


async def _callers(admin: httpx.AsyncClient) -> list[FuzzCaller]:
    """Return one of each role; together they ask 20 cases of each operation. None has an id that is known to others."""
    shares = {"admin": 8, "operator": 4, "member": 4, "auditor": 2}
    known = [await _caller(admin, role, share) for role, share in shares.items()]
    return [*known, FuzzCaller("nobody", {}, 2)]


async def _caller(admin: httpx.AsyncClient, role: str, share: int) -> FuzzCaller:
    """Make a user who has one role, and work of their own if the role may have any."""
    headers = bearer(await _key_of(admin, role))
    if role == "auditor":
        return FuzzCaller(role, headers, share)
    with httpx.Client(base_url=admin.base_url, headers=headers, trust_env=False, timeout=15) as theirs:
        return FuzzCaller(role, headers, share, await asyncio.to_thread(own_work, theirs))


async def _key_of(admin: httpx.AsyncClient, role: str) -> str:
    """Make a user who has one role; return their key."""
    user = (await admin.post("/v1/users", json={"name": f"the-{role}"})).json()["id"]
    given = await admin.put(f"/v1/users/{user}/roles", json={"roles": [role]})
    assert given.is_success, given.text
    key = await admin.post("/v1/keys", json={"name": role, "user_id": user})
    assert key.is_success, key.text
    return str(key.json()["secret"])
