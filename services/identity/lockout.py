"""Waiting after wrong passwords: per user name and per address, the same for names that nobody has.

A try is counted before its password is looked at, and taken back when it was right. After five wrong ones in a row a
name has to wait 5 s, then 10, 20 and so on up to 15 minutes; a quarter of an hour forgives one. An address waits after
twenty, and is forgiven one each 30 s: behind it may be a whole office. Loopback is not counted as an address: it is a
proxy, or this machine. While a name waits not even the right password is looked at; sessions and keys go on.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final

from domain.caller_errors import RateLimited
from services.storage.statements import Statements

NAME_FREE: Final = 5
NAME_LEAK_S: Final = 900.0
ADDRESS_FREE: Final = 20
ADDRESS_LEAK_S: Final = 30.0
FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT_S: Final = 900.0
LIMIT: Final = "log-ins"

_TRY = "SELECT longhaul_login_try($1, $2, $3, $4, $5) AS wait_s"
_RIGHT_NAME = "DELETE FROM login_failure WHERE subject = $1"
_LESS = """
    UPDATE login_failure
    SET failures = greatest(failures - 1, 0), locked_until = CASE WHEN failures > $2 THEN locked_until END
    WHERE subject = $1"""
_SITE: Final = 64


@dataclass(frozen=True)
class Subject:
    """What failures are counted for."""

    name: str
    free: int
    leak_s: float


@dataclass(frozen=True)
class Patience:
    """After how many wrong tries in a row a name has to wait, and for how long at most."""

    free: int = NAME_FREE
    longest_wait_s: float = LONGEST_WAIT_S


USUAL: Final = Patience()


@dataclass(frozen=True)
class Try:
    """A try that was counted. `subjects`: in the order in which all lock their rows."""

    subjects: tuple[Subject, ...]


async def begin(where: Statements, name_digest: bytes, address: str | None, patience: Patience = USUAL) -> Try:
    """Count a try to log in.

    Args:
        where: A database: the count must stay, whatever comes of the try.
        name_digest: Of the name as it was given. The name itself is not kept: it may be a password in the wrong field.
        address: The client's.
        patience: What holds now.

    Raises:
        RateLimited: The name or the address has to wait.
    """
    subjects = [Subject(f"name:{name_digest.hex()}", patience.free, NAME_LEAK_S)]
    if (site := _site(address)) is not None:
        subjects.insert(0, Subject(f"address:{site}", ADDRESS_FREE, ADDRESS_LEAK_S))
    columns = [list(column) for column in zip(*((s.name, s.free, s.leak_s) for s in subjects), strict=True)]
    rows = await where.fetch(_TRY, *columns, FIRST_WAIT_S, patience.longest_wait_s)
    if rows[0]["wait_s"] > 0:
        raise RateLimited("too many failed log-ins; try again later", float(rows[0]["wait_s"]), LIMIT)
    return Try(tuple(subjects))


async def passed(where: Statements, tried: Try) -> None:
    """Take a try back: it was right. The name's failures are forgotten, the address's others stay."""
    for subject in tried.subjects:
        if subject.name.startswith("name:"):
            await where.fetch(_RIGHT_NAME, subject.name)
        else:
            await where.fetch(_LESS, subject.name, subject.free)


async def undone(where: Statements, tried: Try) -> None:
    """Take a try back that came to no answer: nothing is known of the password."""
    for subject in tried.subjects:
        await where.fetch(_LESS, subject.name, subject.free)


def _site(address: str | None) -> str | None:
    """Return what counts as one address: of IPv6 the network of a site, /64. None: none that could be told apart."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.IPv6Network((int(found), _SITE), strict=False))
