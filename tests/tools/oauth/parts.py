"""What the tests of OAuth share: a clock, a person, and one request."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx2

from domain.tool_server import AuthorizationCode
from services.net.guard import guarded_transport
from services.tools.sign_in.oauth import ToolAuth
from services.tools.sign_in.tokens import SignInAnswer
from services.vault.vault import Vault
from tests.tools.oauth.served import Sim

CLIENT_ID, CLIENT_SECRET = "installation", "hunter2-client-secret"
BY_CODE = AuthorizationCode()


def make_vault() -> Vault:
    return Vault({"test": b"v" * 32}, active="test")


class Clock:
    """The time, and how far a test has moved it on."""

    def __init__(self) -> None:
        self.moved = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved


class Person:
    """Opens the URL at once, and brings back what the server answers."""

    def __init__(self, sim: Sim) -> None:
        self._sim = sim
        self._answers: dict[str, SignInAnswer] = {}
        self.urls: list[str] = []

    async def on_url(self, url: str) -> None:
        self.urls.append(url)
        answer = await asyncio.to_thread(self._sim.browse, url)
        self._answers[answer.state] = answer

    async def wait_code(self, state: str) -> SignInAnswer:
        return self._answers.pop(state)

    async def sign_in(self, tool_auth: ToolAuth, auth: AuthorizationCode = BY_CODE, owner: str = "ann") -> None:
        await tool_auth.authorize(self._sim.server(auth), owner, on_url=self.on_url, wait_code=self.wait_code)


async def ask(sim: Sim, auth: httpx2.Auth | None) -> httpx2.Response:
    """Ask the MCP server for a list of its tools."""
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(transport=guarded_transport(allow_private=True), auth=auth, timeout=10) as client:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        return await client.post(sim.url, json=body, headers=headers)
