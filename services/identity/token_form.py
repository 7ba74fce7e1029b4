"""How our tokens are spelled, looked at before any cryptography: size, three parts, canonical base64url, plain JSON.

A header has `alg`, `typ` and `kid`, each with a value that we write, and nothing else: no address or key in it is ever
followed (`jku`, `jwk`, `x5u`, `x5c`), no extension is understood (`crit`, `b64`, `zip`). No name occurs twice anywhere,
and no number is one that JSON has not.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast

from domain.caller_errors import Unauthenticated

MOST_CHARACTERS: Final = 4096
ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
"""RFC 9068's type of an access token."""
KEY_ID: Final = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}\Z", re.ASCII)
NOT_VALID: Final = "the key or token is not valid"

_SHAPE: Final = re.compile(r"^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\Z", re.ASCII)
_SIGNATURE_CHARACTERS: Final = 86
_HEADER: Final = frozenset({"alg", "typ", "kid"})


@dataclass(frozen=True)
class Spelled:
    """A token of the right form, whose signature nobody has looked at yet."""

    kid: str
    claims: dict[str, Any]


def looks_like_token(credential: str) -> bool:
    """Whether a credential is a token rather than an API key."""
    return credential.count(".") == 2  # noqa: PLR2004  the dots of a JWS


def read(token: str) -> Spelled:
    """Take a token apart.

    Raises:
        Unauthenticated: It is no token of ours by its form alone.
    """
    found = _SHAPE.match(token) if len(token) <= MOST_CHARACTERS else None
    if found is None or len(found[3]) != _SIGNATURE_CHARACTERS or not _canonical(found[3]):
        raise refused()
    header = _object(found[1])
    kid = header.get("kid")
    if header.keys() != _HEADER or header["alg"] != ALGORITHM or header["typ"] != TYPE:
        raise refused()
    if not isinstance(kid, str) or not KEY_ID.match(kid):
        raise refused()
    return Spelled(kid, _object(found[2]))


def refused() -> Unauthenticated:
    """Return the one error for all that is wrong with a token."""
    return Unauthenticated(NOT_VALID)


def _object(part: str) -> dict[str, Any]:
    raw = _canonical(part)
    try:
        value = json.loads((raw or b"").decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise refused() from None
    if not isinstance(value, dict):
        raise refused()
    return cast("dict[str, Any]", value)


def _canonical(part: str) -> bytes | None:
    """Return what a part says; None when other letters would say the same: each token has one spelling only."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == part else None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice")
    return made
