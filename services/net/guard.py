"""A transport for `httpx2` that connects only to addresses it has checked itself; `connect_judged` serves others too.

It resolves the host, judges every address of the answer, and connects to one of those it judged: a name that resolves
differently a moment later (DNS rebinding) gains nothing. Redirects and OAuth's discovery go through the same transport,
so they are judged as well.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import httpcore2
import httpx2

from domain.errors import InvalidInput
from services.net.addresses import Address, Place, place

CONNECT_TIMEOUT_S = 10.0
"""Bound of resolving and connecting together where the client gives none."""
RESOLVE_TIMEOUT_S = 5.0
ADDRESSES_TRIED = 4
LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)

_HOST_SHOWN = 253

Stream = TypeVar("Stream")


class AddressRefused(InvalidInput):
    """A host that leads where we do not connect to. The text names host and port only."""

    code = "address_refused"


def guarded_transport(
    *, allow_private: bool, verify: ssl.SSLContext | bool = True, limits: httpx2.Limits = LIMITS
) -> httpx2.AsyncBaseTransport:
    """Return a transport to public addresses; with `allow_private` also to private ones and this machine's.

    Link-local addresses and clouds' metadata services are refused always. Unix sockets and the environment's proxies
    are not used: a proxy would resolve the name itself.

    Args:
        allow_private: Whether an admin allowed addresses in private networks and on this machine.
        verify: Whether, or by which context, a server's certificate is checked.
        limits: Bounds of the connection pool.

    Raises:
        AddressRefused: Raised by requests: one of the host's addresses is not allowed.
    """
    return _GuardedTransport(GuardedBackend(allow_private=allow_private), httpx2.create_ssl_context(verify), limits)


class _GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's own transport over a pool of ours: its constructor takes no network backend."""

    def __init__(self, backend: httpcore2.AsyncNetworkBackend, context: ssl.SSLContext, limits: httpx2.Limits) -> None:
        super().__init__(verify=context)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=backend,
        )


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Where the transport's connections are made."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._network = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, judge, connect."""

        async def connect(address: str, limit_s: float) -> httpcore2.AsyncNetworkStream:
            return await self._network.connect_tcp(address, port, limit_s, local_address, socket_options)

        limit_s = CONNECT_TIMEOUT_S if timeout is None else timeout
        to = Destination(host, port, allow_private=self._allow_private, limit_s=limit_s)
        return await connect_judged(to, connect, (httpcore2.ConnectError, httpcore2.ConnectTimeout))

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse."""
        del path, timeout, socket_options
        raise AddressRefused("unix sockets are not used")

    async def sleep(self, seconds: float) -> None:
        """Wait between the pool's tries."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Destination:
    """Where a connection is to lead. `limit_s`: bound of resolving and connecting together, in seconds."""

    host: str
    port: int
    allow_private: bool
    limit_s: float


async def connect_judged(
    to: Destination, connect: Callable[[str, float], Awaitable[Stream]], failures: tuple[type[Exception], ...]
) -> Stream:
    """Resolve a host once, judge its addresses, and connect to the first of them that answers.

    Args:
        to: Where to.
        connect: Connects to an address within so many seconds.
        failures: What it raises when nobody answers there; the last one is raised on.

    Raises:
        AddressRefused: One of the addresses is not allowed.
        httpcore2.ConnectError: There are none.
        httpcore2.ConnectTimeout: The name was not resolved in time.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + to.limit_s
    addresses = await resolve(to.host, to.port, min(RESOLVE_TIMEOUT_S, to.limit_s))
    judge(to.host, to.port, addresses, allow_private=to.allow_private)
    for left in range(min(len(addresses), ADDRESSES_TRIED), 0, -1):
        address, share = addresses.pop(0), max(end - clock(), 0) / left
        try:
            return await connect(str(address), share)
        except failures:
            if left == 1:
                raise
    raise httpcore2.ConnectError("the host has no address")


def judge(host: str, port: int, addresses: Sequence[Address], *, allow_private: bool) -> None:
    """Refuse a host when one of its addresses is not allowed; the others of such a host are not to be trusted either.

    Raises:
        AddressRefused: One is not.
    """
    places = {place(address) for address in addresses}
    shown = f"{host[:_HOST_SHOWN]}:{port}"
    if Place.FORBIDDEN in places:
        raise AddressRefused(f"{shown} is at an address that is never connected to")
    if Place.PRIVATE in places and not allow_private:
        raise AddressRefused(f"{shown} is in a private network or on this machine, which is not allowed for it")


async def resolve(host: str, port: int, limit_s: float) -> list[Address]:
    """Return a host's addresses, each once, in the system's order; an address stands for itself.

    Raises:
        httpcore2.ConnectError: There are none.
        httpcore2.ConnectTimeout: There was no answer within the limit.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limit_s):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout("the host's name was not resolved in time") from error
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError("the host's name does not resolve") from error
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
