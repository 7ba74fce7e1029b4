"""Sign-ins under way as rows: begun before a browser goes to the provider, taken once when it comes back.

The row is found by the digest of a random `state`; what the provider's answer must fit (nonce, PKCE verifier,
redirect URI) is sealed in it, bound to it. A browser must show the cookie that it got at the beginning.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from pydantic import Field

from domain.errors import Unavailable
from domain.value import Value
from services.identity.oidc.errors import Reason, SignInFailed
from services.storage.database import Database
from services.vault.vault import Vault

LIMIT_S: Final = 600
"""How long somebody has to sign in."""
AT_MOST: Final = 10_000
"""Sign-ins under way in an installation. Anybody may begin one."""

_TOKEN_BYTES = 32
_LONGEST = 200
_OVER = """
    DELETE FROM oidc_state WHERE digest IN (
        SELECT digest FROM oidc_state WHERE expires_at <= clock_timestamp()
        ORDER BY expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)"""
_ADD = """
    INSERT INTO oidc_state (digest, provider_id, sealed, browser, expires_at)
    SELECT $1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5)
    WHERE (SELECT count(*) FROM oidc_state) < $6 RETURNING provider_id"""
_TAKE = """
    DELETE FROM oidc_state WHERE digest = $1 AND provider_id = $2
    RETURNING sealed, browser, expires_at > clock_timestamp() AS fresh"""


class Kept(Value):
    """What the provider's answer must fit."""

    nonce: str = Field(repr=False)
    verifier: str = Field(repr=False)
    redirect_uri: str


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun: what goes to the provider (`state`), to the browser (`cookie`), and stays here."""

    state: str = field(repr=False)
    cookie: str = field(repr=False)
    kept: Kept


async def begin(db: Database, vault: Vault, provider_id: str, redirect_uri: str) -> Begun:
    """Note that somebody is to sign in; sign-ins that are over are deleted.

    Raises:
        Unavailable: There are too many, or the database does not answer.
    """
    state, cookie, nonce, verifier = (secrets.token_urlsafe(_TOKEN_BYTES) for _ in range(4))
    kept = Kept(nonce=nonce, verifier=verifier, redirect_uri=redirect_uri)
    digest = _digest(state)
    sealed = vault.seal(kept.model_dump_json().encode(), bound_to=_bound_to(digest))
    await db.fetch(_OVER)
    if not await db.fetch(_ADD, digest, provider_id, sealed, _digest(cookie), float(LIMIT_S), AT_MOST):
        raise Unavailable("too many people sign in at this moment")
    return Begun(state, cookie, kept)


async def take(db: Database, vault: Vault, provider_id: str, state: str, cookie: str | None) -> Kept:
    """Return what a sign-in must fit, and end it: its state is good once, be it with the right cookie or a wrong one.

    Raises:
        SignInFailed: There is none of this state, it is over, or it began in another browser.
    """
    digest = _digest(state)
    rows = await db.fetch(_TAKE, digest, provider_id) if 0 < len(state) <= _LONGEST else []
    if not rows or not rows[0]["fresh"]:
        raise SignInFailed(Reason.UNKNOWN_STATE)
    if cookie is None or not hmac.compare_digest(_digest(cookie), bytes(rows[0]["browser"])):
        raise SignInFailed(Reason.OTHER_BROWSER)
    return Kept.model_validate_json(vault.open(bytes(rows[0]["sealed"]), bound_to=_bound_to(digest)))


def challenge(verifier: str) -> bytes:
    """Return the SHA-256 of a PKCE verifier."""
    return hashlib.sha256(verifier.encode()).digest()


def _digest(text: str) -> bytes:
    """Return the SHA-256 of a random text; it has too many possible values to be guessed from it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _bound_to(digest: bytes) -> str:
    return f"oidc_state/{digest.hex()}"
