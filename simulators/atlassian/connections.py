"""The open connections of the server, so that one can be closed without an answer."""

import asyncio
from functools import partial

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connections:
    """Open connections by the client's address and port."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.BaseTransport] = {}

    def add(self, transport: asyncio.BaseTransport) -> None:
        """Take note of a new connection."""
        self._open[_peer(transport)] = transport

    def remove(self, transport: asyncio.BaseTransport) -> None:
        """Forget a closed connection."""
        self._open.pop(_peer(transport), None)

    def close(self, scope: Scope) -> None:
        """Close the connection that a request came by; its client gets nothing more."""
        transport = self._open.get(tuple(scope["client"]))
        if transport is not None:
            transport.close()


class _Protocol(HttpToolsProtocol):
    """HTTP over one connection, which is noted while it is open."""

    def __init__(self, connections: Connections, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  passed on unseen
        self._connections = connections

    def connection_made(  # type: ignore[override]  # the library narrows it so
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self._connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.remove(self.transport)
        super().connection_lost(exc)


def server_config(app: ASGIApp, connections: Connections) -> uvicorn.Config:
    """Return how uvicorn serves an application whose gate closes connections."""
    protocol = partial(_Protocol, connections)
    return uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  called like the class
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


def _peer(transport: asyncio.BaseTransport) -> tuple[str, int]:
    host, port = transport.get_extra_info("peername")[:2]
    return str(host), int(port)
