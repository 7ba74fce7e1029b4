"""A small web server on loopback, in a thread with an event loop of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is."""

    port: int


@contextmanager
def serve(certificate: Path | None = None) -> Iterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/", _host), Route("/to", _redirect)])
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ssl_certfile=certificate)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Served(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()


async def _host(request: Request) -> Response:
    return PlainTextResponse(request.headers["host"])


async def _redirect(request: Request) -> Response:
    return RedirectResponse(request.query_params["url"])
