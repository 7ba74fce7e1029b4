"""The simulated MCP server behind OAuth, in a thread with an event loop of its own, and a browser for it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn

from domain.tool_server import Auth, Http, ToolServer
from services.tools.sign_in.tokens import SignInAnswer
from simulators.oauth_server.app import create_app
from simulators.oauth_server.settings import Settings

REDIRECT_URI = "http://127.0.0.1:8000/v1/tool-sign-ins/callback"


class Sim:
    """A running server and the ways to drive it."""

    def __init__(self, origin: str) -> None:
        self.url = f"{origin}/mcp"
        self.http = httpx.Client(base_url=origin, timeout=10, trust_env=False)

    def behave(self, **behaviour: object) -> None:
        answer = self.http.put("/__sim/behaviour", json=behaviour)
        assert answer.status_code == 204, answer.text

    def expire(self) -> None:
        self.http.post("/__sim/expire")

    def revoke(self) -> None:
        self.http.post("/__sim/revoke")

    def count(self, what: str, detail: str | None = None) -> int:
        log: list[dict[str, str]] = self.http.get("/__sim/log").json()["log"]
        return sum(entry["what"] == what and detail in {None, entry["detail"]} for entry in log)

    def forget_log(self) -> None:
        self.http.delete("/__sim/log")

    def server(self, auth: Auth | None, **reach: str) -> ToolServer:
        return ToolServer(id="guarded", reach=Http(url=reach.get("url", self.url), auth=auth, allow_private=True))

    def at(self, server: ToolServer) -> "Sim":
        """The same server, where another configuration says that it is."""
        assert isinstance(server.reach, Http)
        other = copy(self)
        other.url = server.reach.url
        return other

    def browse(self, url: str) -> SignInAnswer:
        """Do what a person's browser does: open the URL, and read where it is sent back to."""
        answer = self.http.get(url, follow_redirects=False)
        assert answer.status_code == 302, answer.text
        back = answer.headers["location"]
        assert back.startswith(f"{REDIRECT_URI}?")
        return SignInAnswer.model_validate({key: values[0] for key, values in parse_qs(urlsplit(back).query).items()})


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
