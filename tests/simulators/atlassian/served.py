"""A simulated Jira and Confluence on loopback, in a thread with an event loop of its own, and ways to talk to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from simulators.atlassian.app import create_app
from simulators.atlassian.connections import Connections, server_config
from simulators.atlassian.settings import Settings

TOKEN = "all"
READ_ONLY = "read"


class Site:
    """A running site; `http` has a token that may do all."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.http = self.client(TOKEN)

    def client(self, token: str | None) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10, trust_env=False)

    def jira(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, f"/rest/api/2{path}", **options)

    def wiki(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, f"/wiki/rest/api{path}", **options)

    def fault(self, fault: dict[str, Any], *, times: int | None = 1, skip: int = 0, **match: str) -> None:
        rule = {"match": match, "times": times, "skip": skip, "fault": fault}
        response = self.http.post("/__sim/faults", json=rule)
        assert response.status_code == 201, response.text

    def calls(self, **filters: str) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = self.http.get("/__sim/calls", params=filters).json()["calls"]
        return calls

    def writes(self, **filters: str) -> list[dict[str, Any]]:
        writes: list[dict[str, Any]] = self.http.get("/__sim/writes", params=filters).json()["writes"]
        return writes

    def reset(self) -> None:
        assert self.http.post("/__sim/reset").status_code == 204


@contextmanager
def serve(settings: Settings) -> Iterator[Site]:
    listener = socket.create_server(("127.0.0.1", 0))
    connections = Connections()
    server = uvicorn.Server(server_config(create_app(settings, connections), connections))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    site = Site(listener.getsockname()[1])
    try:
        yield site
    finally:
        site.http.close()
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()
