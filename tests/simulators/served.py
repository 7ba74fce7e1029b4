"""A simulated provider on loopback, in a thread with an event loop of its own, and the ways to talk to it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from simulators.model_provider.app import create_app
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.settings import Settings


class Provider:
    """A running provider and the ways to talk to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def ask(self, content: str, **fields: Json) -> httpx.Response:
        headers = fields.pop("headers", None)
        body = {"model": "m", "messages": [{"role": "user", "content": content}]} | fields
        return self.http.post("/v1/chat/completions", json=body, headers=headers)

    def text(self, content: str, **fields: Json) -> str:
        response = self.ask(content, **fields)
        assert response.status_code == 200, response.text
        return str(response.json()["choices"][0]["message"]["content"])

    def fault(self, fault: JsonObject, **rule: Json) -> None:
        response = self.http.post("/__sim/faults", json=[{"fault": fault} | rule])
        assert response.status_code == 201, response.text

    def script(self, **script: Json) -> None:
        response = self.http.post("/__sim/script", json=script)
        assert response.status_code == 201, response.text

    def calls(self, **filters: str) -> list[JsonObject]:
        calls: list[JsonObject] = self.http.get("/__sim/calls", params=filters).json()["calls"]
        return calls

    def reset(self) -> None:
        self.http.delete("/__sim/faults")
        self.http.delete("/__sim/calls")


@contextmanager
def serve(settings: Settings) -> Iterator[Provider]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        yield provider
    finally:
        provider.http.close()
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()


Serve = Callable[[Settings], Provider]
