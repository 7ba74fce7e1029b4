"""The adapters' way to a server: to an address that was judged (`services.net.guard`), whatever its name resolves to.

A name is resolved when a connection is made, and the connection goes to the very address that was judged. Connections
are kept, so calls rarely pay for it.
"""

import ssl
from collections.abc import Iterable
from typing import cast

import httpcore
import httpcore2
import httpx

from services.net.guard import CONNECT_TIMEOUT_S, Destination, connect_judged


class JudgedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool of ours: its constructor takes no network backend.

    Requests raise `AddressRefused` where one of the host's addresses is not allowed: link-local ones and metadata
    services' never are, those of private networks and of this machine with `allow_private`.
    """

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits, *, allow_private: bool) -> None:
        """Make the pool; it connects to nothing yet."""
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_JudgedBackend(allow_private=allow_private),
        )


class _JudgedBackend(httpcore.AsyncNetworkBackend):
    """Where its connections are made. Unix sockets are not: the port refuses them by itself."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, connect."""

        async def connect(address: str, limit_s: float) -> httpcore.AsyncNetworkStream:
            return await self._network.connect_tcp(address, port, limit_s, local_address, socket_options)

        limit_s = CONNECT_TIMEOUT_S if timeout is None else timeout
        to = Destination(host, port, allow_private=self._allow_private, limit_s=limit_s)
        try:
            return await connect_judged(to, connect, (httpcore.ConnectError, httpcore.ConnectTimeout))
        except httpcore2.ConnectTimeout as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except httpcore2.ConnectError as error:
            raise httpcore.ConnectError(str(error)) from error
