"""Access tokens: JWTs signed with Ed25519, short-lived, checked against our own keys and nothing that they bring along.

A token says who (`sub`) and in which session (`sid`). Whether the session goes on, and what its user may do, is asked
of the database by who checks (`services.identity.authenticator`): no token outlives its session by more than seconds.
"""

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.identity.token_form import ALGORITHM, TYPE, read, refused

ISSUER: Final = "urn:longhaul"
AUDIENCE: Final = "urn:longhaul:api"
USE: Final = "access"
LIFETIME_S: Final = 600
LEEWAY_S: Final = 30
"""How far the clocks of our processes may be apart."""

_ID: Final = re.compile(r"^[a-z][a-z0-9_-]{0,63}\Z", re.ASCII)
_NAMES: Final = frozenset({"iss", "aud", "sub", "sid", "token_use", "iat", "nbf", "exp", "jti"})
_OPTIONS: Final[Any] = {
    "require": sorted(_NAMES),
    "strict_aud": True,
    "verify_exp": False,  # by our own clock, below
    "verify_nbf": False,
    "verify_iat": False,
}
_LATEST: Final = 2**40


@dataclass(frozen=True)
class Claims:
    """What a good token says. `expires_at`: Unix time in seconds."""

    user_id: str
    session_id: str
    token_id: str
    expires_at: int


@dataclass(frozen=True)
class SigningKey:
    """A private key and its name."""

    kid: str
    private: Ed25519PrivateKey


class KeyRing(Protocol):
    """Where keys come from."""

    async def signing(self) -> SigningKey:
        """Return the key that signs now."""
        ...

    async def verifying(self, kid: str) -> Ed25519PublicKey | None:
        """Return a key of ours by its name; None: there is none, or it is retired."""
        ...


class Tokens:
    """Issues and verifies access tokens.

    Args:
        keys: Our keys.
        now: The clock, Unix time in seconds.
        lifetime_s: How long a token lives at most.

    `lives_s`: how long one lives that is issued now; it may be changed at any time, and is no longer than that.
    """

    def __init__(self, keys: KeyRing, now: Callable[[], float] = time.time, lifetime_s: int = LIFETIME_S) -> None:
        self._keys = keys
        self._now = now
        self.lifetime_s = lifetime_s
        self.lives_s = lifetime_s

    async def issue(self, user_id: str, session_id: str) -> str:
        """Return a new token."""
        key = await self._keys.signing()
        at = int(self._now())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "token_use": USE,
            "iat": at,
            "nbf": at,
            "exp": at + min(self.lives_s, self.lifetime_s),
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid, "typ": TYPE})

    async def verify(self, token: str) -> Claims:
        """Return what a token says.

        Raises:
            Unauthenticated: It is no good token; the text does not say why.
            Unavailable: Its key may be a new one, and the database does not answer.
        """
        spelled = read(token)
        key = await self._keys.verifying(spelled.kid)
        if key is None:
            raise refused()
        try:
            claims = jwt.decode(token, key, [ALGORITHM], _OPTIONS, audience=AUDIENCE, issuer=ISSUER)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise refused() from None
        return self._claims(claims)

    def _claims(self, claims: dict[str, Any]) -> Claims:
        if claims.keys() != _NAMES or claims["token_use"] != USE:
            raise refused()
        found = Claims(
            user_id=_id(claims["sub"]),
            session_id=_id(claims["sid"]),
            token_id=_text(claims["jti"]),
            expires_at=_number(claims["exp"]),
        )
        at, issued, begins = self._now(), _number(claims["iat"]), _number(claims["nbf"])
        if not (issued <= begins <= found.expires_at <= issued + self.lifetime_s):
            raise refused()
        if begins > at + LEEWAY_S or found.expires_at + LEEWAY_S <= at:
            raise refused()
        return found


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _LATEST:
        raise refused()
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 64:  # noqa: PLR2004  32 hex digits are what we write
        raise refused()
    return value


def _id(value: object) -> str:
    if not isinstance(value, str) or not _ID.match(value):
        raise refused()
    return value
