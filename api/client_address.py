"""Where a call comes from: the peer's address, or what a proxy says of it whose word is taken."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from starlette.requests import HTTPConnection

from runtime.edge_settings import Network

_HOPS: Final = 20
"""How many proxies are followed back."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(connection: HTTPConnection) -> str | None:
    """Return the client's address, None when its end of the connection has none."""
    proxies = connection.app.state.parts.deployment.trusted_proxies
    peer = None if connection.client is None else connection.client.host
    return address_behind(peer, connection.headers.getlist("x-forwarded-for"), proxies)


def address_behind(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str | None:
    """Return who is behind the proxies that are trusted: the first address, from the peer back, that is none of theirs.

    Args:
        peer: The other end of the connection.
        forwarded: The values of X-Forwarded-For, in their order.
        proxies: Whose word is taken.
    """
    at = None if peer is None else _parsed(peer)
    if at is None:
        return peer or None
    hops = [hop for line in forwarded for hop in line.split(",")][-_HOPS:]
    for hop in reversed(hops):
        behind = _parsed(hop) if _within(at, proxies) else None
        if behind is None:
            break
        at = behind
    return str(at)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _parsed(text: str) -> Address | None:
    """Read an address, with or without a port; an IPv4 address in IPv6's clothes is one of IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
