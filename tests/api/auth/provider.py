"""A simulated OpenID provider, in a thread with an event loop of its own, and signing in there as a browser does."""

import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from simulators.oidc_provider.app import create_app
from simulators.oidc_provider.settings import Settings

CLIENT_ID = "longhaul:tests"
CLIENT_SECRET = "a secret: with % and + in it"
PUBLIC_CLIENT = "public"


class Sim:
    """A running provider and the ways to talk to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def behave(self, **behaviour: Any) -> None:
        assert self.http.put("/__sim/behaviour", json=behaviour).status_code == 204

    def renew_keys(self) -> None:
        assert self.http.post("/__sim/keys/renew").status_code == 204

    def forget_log(self) -> None:
        self.http.delete("/__sim/log")

    def log(self) -> list[str]:
        return [entry["what"] for entry in self.http.get("/__sim/log").json()["log"]]

    def approve(self, url: str) -> str:
        """Visit the authorization page; return where the browser is sent then."""
        answer = self.http.get(url, follow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@contextmanager
def serve(settings: Settings) -> Iterator[Sim]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    sim = Sim(f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        yield sim
    finally:
        sim.http.close()
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()


def body(sim: Sim, **changed: Any) -> dict[str, Any]:
    """Return a provider to be added, with an id of its own."""
    return {
        "id": f"idp-{secrets.token_hex(6)}",
        "name": "The simulator",
        "issuer": sim.url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "creates_users": True,
        "allow_private": True,
        **changed,
    }


async def added(api: httpx.AsyncClient, sim: Sim, **changed: Any) -> str:
    answer = await api.post("/v1/oidc-providers", json=body(sim, **changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def left(browser: httpx.AsyncClient, provider: str) -> str:
    """Begin a sign-in; return the URL of the provider's page."""
    answer = await browser.get(f"/v1/auth/oidc/{provider}/login", follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


async def signed_in(browser: httpx.AsyncClient, sim: Sim, provider: str) -> httpx.Response:
    """Go all the way, as a browser does."""
    back = sim.approve(await left(browser, provider))
    return await browser.get(back)
