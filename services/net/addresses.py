"""What kind of place an IP address is, as a pure decision over IANA's special-purpose registries.

The tables are our own and not `ipaddress.is_global`, whose answers differ between patch releases of Python.
"""

import ipaddress
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address


class Place(StrEnum):
    """How far an address may be trusted as a destination."""

    PUBLIC = "public"
    """Globally routable unicast."""
    PRIVATE = "private"
    """This machine, or a network behind it: reached only where that is allowed."""
    FORBIDDEN = "forbidden"
    """Never a server's address: link-local, a cloud's metadata service, multicast, reserved, unspecified, tunnels."""


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_METADATA = _networks(
    "169.254.0.0/16",  # link-local; most clouds' metadata
    "168.63.129.16",  # Azure, at a public address
    "100.100.100.200",  # Alibaba, among the carriers' addresses
    "192.0.0.192",  # Oracle
    "fe80::/10",  # link-local
    "fd00:ec2::254",  # AWS
    "fd20:ce::254",  # Google
)
_PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",  # carriers' NAT
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",  # benchmarking, in fact used within companies
    "::1",
    "fc00::/7",
    "fec0::/10",  # site-local, deprecated
)
_GLOBAL = _networks("0.0.0.0/0", "2000::/3")
_NOT_GLOBAL = _networks(
    "0.0.0.0/8",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",  # 6to4 relays, deprecated
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "2001::/23",  # Teredo and other protocols' own
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "3fff::/20",
)
_MAPPED, _NAT64, _SIX_TO_FOUR = (IPv6Network(text) for text in ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16"))


def is_public(address: Address | str) -> bool:
    """Whether an address is globally routable unicast, spelled as what it is.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) is not: whoever means it can write it down.

    Raises:
        ValueError: The text is no IP address.
    """
    return place(ipaddress.ip_address(address)) is Place.PUBLIC


def place(address: Address) -> Place:
    """Say what kind of place an address is."""
    inner = _embedded(address)
    if inner is not None:
        return Place.FORBIDDEN if place(inner) is Place.FORBIDDEN else Place.PRIVATE
    if _within(address, _METADATA):
        return Place.FORBIDDEN
    if _within(address, _PRIVATE):
        return Place.PRIVATE
    if _within(address, _GLOBAL) and not _within(address, _NOT_GLOBAL):
        return Place.PUBLIC
    return Place.FORBIDDEN


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that a translated IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return None
    if _within(address, (_MAPPED, _NAT64)):
        return IPv4Address(address.packed[12:])
    if _within(address, (_SIX_TO_FOUR,)):
        return IPv4Address(address.packed[2:6])
    return None


def _within(address: Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Whether an address lies in one of the networks. A scope (`fe80::1%eth0`) does not hide it."""
    bare = IPv6Address(int(address)) if isinstance(address, IPv6Address) else address
    return any(bare.version == network.version and bare in network for network in networks)
