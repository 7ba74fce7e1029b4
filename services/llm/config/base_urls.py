"""Which addresses a provider or a node may have, by their spelling.

What a name resolves to is judged when a connection is made (`services.llm.adapters.judged_transport`).
"""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from domain.errors import Problem
from services.net.addresses import Address, Place, place

_LOCAL_NAMES = ("localhost", ".localhost")
_PRIVATE_NAMES = (".local", ".internal", ".lan", ".home.arpa")
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})


def address_problems(base_url: str, path: str, *, allow_private: bool) -> list[Problem]:
    """Return what is wrong with a base URL: nothing, or one problem at `path`. It is never quoted.

    Addresses are http or https with a host and no password, query or fragment. Link-local ones and clouds' metadata
    services are always refused, private networks unless allowed; this machine's own addresses are allowed.
    """
    try:
        url = urlsplit(base_url)
        shape = _shape(url)
    except ValueError:
        return [Problem(code="bad_url", path=path, message="this is no URL")]
    if shape is not None:
        return [Problem(code="bad_url", path=path, message=shape)]
    refusal = _refusal(url.hostname or "", allow_private=allow_private)
    return [Problem(code="address_refused", path=path, message=refusal)] if refusal else []


def is_this_machines(base_url: str) -> bool:
    """Whether a base URL spells this very machine, as `localhost` and `127.0.0.1` do."""
    try:
        name = _bare(urlsplit(base_url).hostname or "")
    except ValueError:
        return False
    address = _address(name)
    return _is_local_name(name) if address is None else _is_loopback(address)


def _shape(url: SplitResult) -> str | None:
    """Say what is wrong with a URL's form. Raises ValueError when its port is none."""
    if url.scheme not in ("http", "https"):
        return "a URL here begins with http:// or https://"
    if url.username is not None or url.password is not None:
        return "a credential does not belong into the URL: give it as the account's credential"
    if url.query or url.fragment or not url.hostname or url.port == 0:
        return "a base URL has a host, maybe a port and a path, and nothing more"
    return None


def _refusal(host: str, *, allow_private: bool) -> str | None:
    name = _bare(host)
    where = _place_of_name(name) if (address := _address(name)) is None else _place_of(address)
    if where is Place.FORBIDDEN:
        return "this address is never connected to: it is link-local, a metadata service's or no server's"
    if where is Place.PRIVATE and not allow_private:
        return "this address is in a private network, which `allow_private` must allow"
    return None


def _bare(host: str) -> str:
    return host.rstrip(".").lower()


def _address(name: str) -> Address | None:
    """Return the IP address that a host is, also one in the odd spellings that resolvers take, such as `0x7f.1`."""
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, UnicodeEncodeError):
        return None


def _place_of(address: Address) -> Place:
    return Place.PUBLIC if _is_loopback(address) else place(address)


def _is_loopback(address: Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _is_local_name(name: str) -> bool:
    return name == _LOCAL_NAMES[0] or name.endswith(_LOCAL_NAMES[1])


def _place_of_name(name: str) -> Place:
    """Judge a name by itself. Most are public, as far as their spelling tells."""
    if name in _METADATA_NAMES:
        return Place.FORBIDDEN
    if _is_local_name(name):
        return Place.PUBLIC
    return Place.PRIVATE if name.endswith(_PRIVATE_NAMES) else Place.PUBLIC
