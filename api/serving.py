"""Listening: the application on its socket until the task is cancelled, then an orderly end that frees every stream."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from api.app import create_app
from api.body_limit import MAX_CALL_BYTES
from api.bounded_http import BoundedHttp
from api.parts import Deployment, Parts
from domain.placement import Placement
from runtime.settings import Settings

GRACE_S: Final = 5
KEEP_ALIVE_S: Final = 75
"""How long a connection without a request stays open: longer than clients (httpx: 5 s) and proxies (mostly 60 s) keep
one in their pools, so that it is they who close it. A server that closes first cuts a request that is on its way."""
WAITING_FRAMES: Final = 4
"""Of one WebSocket, each up to its largest size: what comes beyond them stays with the network."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class _Server(uvicorn.Server):
    """A server whose signals belong to the composition root, and whose event streams end before it waits for them."""

    def __init__(self, parts: Parts, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._parts = parts

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._parts.reader.close()
        await super().shutdown(sockets)


async def serve(parts: Parts, listener: socket.socket) -> None:
    """Serve on a listening socket until cancelled; open calls get five seconds to end."""
    config = uvicorn.Config(
        create_app(parts),
        http=BoundedHttp,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ws_max_size=MAX_CALL_BYTES,
        ws_max_queue=WAITING_FRAMES,
    )
    if parts.settings is not None and parts.doors is not None:
        parts.settings.follow(parts.doors.hear)
    server = _Server(parts, config)
    async with parts.limited.running():
        running = asyncio.ensure_future(server.serve([listener]))
        try:
            await asyncio.shield(running)
        finally:
            server.should_exit = True
            await running


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OSError: The address is taken or is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    listener.settimeout(0)
    # Connections inherit it. asyncio sets it only where the socket's protocol is spelled out; without it an answer in
    # two parts waits 40 ms for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def deployment_of(settings: Settings, *, eager_start: bool) -> Deployment:
    """Return how this installation runs, as its settings say."""
    host = (settings.temporal_address or "127.0.0.1:7233").rpartition(":")[0].strip("[]")
    web = f"http://127.0.0.1:{settings.temporal_ui_port}" if host in LOOPBACK else None
    return Deployment(
        task_queue=settings.task_queue,
        placement=Placement(settings.placement.value),
        search_attributes=settings.search_attributes,
        eager_start=eager_start,
        simulated=settings.provider_label == "simulated",
        temporal_web=web,
        webhooks=settings.webhook_secret is not None,
        private_webhooks=settings.webhook_allow_private,
        default_model=settings.default_model or settings.openai_model,
        trusted_proxies=settings.proxy_networks,
        allowed_origins=settings.origins,
        public_url=None if settings.public_url is None else settings.own_url,
    )
