"""The Ed25519 keys that sign our tokens: rows of `identity_secret`, sealed, changed without anybody being logged out.

A rotation makes a key, and has the earlier ones sign on for `OVERLAP_S`: by then every process has seen the new one.
What they signed stays valid until it expires. A key that signs for 90 days is rotated by whoever notices first.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import Unavailable
from services.identity.tokens import LEEWAY_S, LIFETIME_S, SigningKey
from services.storage.audit import Act, By, record
from services.storage.database import Database, Tx
from services.storage.driver import Row
from services.storage.statements import Statements
from services.vault.errors import VaultError
from services.vault.vault import Vault

_log = logging.getLogger(__name__)

RELOAD_S: Final = 30.0
"""How often a process looks for new keys."""
OVERLAP_S: Final = 2 * RELOAD_S
SIGNS_DAYS: Final = 90
KEPT_S: Final = LIFETIME_S + LEEWAY_S + RELOAD_S
"""For how long a retired key still verifies."""
AT_MOST: Final = 20
"""Keys that are known at a time."""
UNKNOWN_EVERY_S: Final = 1.0
"""How often a key that nobody knows may make a process look."""

_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('identity_secret/signing', 0))"
_LOAD = """
    SELECT id, sealed, public, extract(epoch FROM retired_at - clock_timestamp())::float8 AS retires_in,
        created_at < clock_timestamp() - make_interval(days => $2) AS old
    FROM identity_secret
    WHERE kind = 'signing' AND (retired_at IS NULL OR retired_at > clock_timestamp() - make_interval(secs => $1))
    ORDER BY retired_at DESC NULLS FIRST, created_at DESC LIMIT $3"""
_RETIRE = """
    UPDATE identity_secret SET retired_at = clock_timestamp() + make_interval(secs => $1)
    WHERE kind = 'signing' AND (retired_at IS NULL OR retired_at > clock_timestamp() + make_interval(secs => $1))"""
_FORGET = """
    DELETE FROM identity_secret
    WHERE kind = 'signing' AND ($2 OR retired_at < clock_timestamp() - make_interval(secs => $1))"""
_ADD = "INSERT INTO identity_secret (id, kind, sealed, public) VALUES ($1, 'signing', $2, $3)"


@dataclass(frozen=True)
class KnownKey:
    """A key as a process knows it. `retires_in`: seconds from its loading until it signs no more; None: it stays."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    retires_in: float | None


class SigningKeys:
    """The keys, known for `RELOAD_S`. One a process.

    Args:
        db: The database.
        vault: Seals and opens private keys.
        clock: Seconds, for the age of what is known.
    """

    def __init__(self, db: Database, vault: Vault, clock: Callable[[], float] = monotonic) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock
        self._known: Sequence[KnownKey] = ()
        self._loaded_at = float("-inf")
        self._turn = asyncio.Lock()

    async def signing(self) -> SigningKey:
        """Return the key that signs now; at the very first time it is made."""
        await self._refresh(RELOAD_S)
        age = self._clock() - self._loaded_at
        for key in reversed(self._known):
            if key.retires_in is None or key.retires_in > age:
                return SigningKey(key.kid, key.private)
        raise Unavailable("there is no key to sign with")

    async def verifying(self, kid: str) -> Ed25519PublicKey | None:
        """Return a key by its name. One that is not known may be new: that is looked at once a second."""
        await self._refresh(RELOAD_S)
        if (found := self._find(kid)) is None:
            await self._refresh(UNKNOWN_EVERY_S)
            found = self._find(kid)
        return found

    async def public(self) -> dict[str, Ed25519PublicKey]:
        """Return the public keys by name, the newest first."""
        await self._refresh(RELOAD_S)
        return {key.kid: key.public for key in self._known}

    async def rotate(self, by: By, *, revoke: bool = False) -> str:
        """Make a new key; returns its name.

        Args:
            by: Who wants it.
            revoke: Forget the earlier ones at once, because one may be known: every access token is void as soon as
                all processes have looked; refresh tokens are not touched.
        """
        async with self._db.transaction() as tx:
            await tx.fetch(_TURN)
            kid = await _rotated(tx, self._vault, revoke=revoke)
            await record(tx, by, Act("signing_key.rotate", "signing_key", kid, {"revoke": revoke}))
        await self._load()
        return kid

    def _find(self, kid: str) -> Ed25519PublicKey | None:
        age = self._clock() - self._loaded_at
        for key in self._known:
            if key.kid == kid and (key.retires_in is None or key.retires_in + KEPT_S > age):
                return key.public
        return None

    async def _refresh(self, older_than_s: float) -> None:
        if self._clock() - self._loaded_at < older_than_s:
            return
        async with self._turn:
            if self._clock() - self._loaded_at >= older_than_s:
                await self._load()

    async def _load(self) -> None:
        at = self._clock()
        rows = await _rows(self._db)
        if _is_due(rows):
            rows = await self._made()
        self._known = [key for row in rows if (key := _known(self._vault, row))]
        self._loaded_at = at

    async def _made(self) -> list[Row]:
        async with self._db.transaction() as tx:
            await tx.fetch(_TURN)
            rows = await _rows(tx)
            if _is_due(rows):
                kid = await _rotated(tx, self._vault, revoke=False)
                await record(tx, By.itself("signing_keys"), Act("signing_key.rotate", "signing_key", kid))
                rows = await _rows(tx)
            return rows


async def _rows(where: Statements) -> list[Row]:
    return await where.fetch(_LOAD, KEPT_S, SIGNS_DAYS, AT_MOST)


async def _rotated(tx: Tx, vault: Vault, *, revoke: bool) -> str:
    await tx.fetch(_RETIRE, OVERLAP_S)
    await tx.fetch(_FORGET, KEPT_S, revoke)
    kid, private = f"k{secrets.token_hex(8)}", Ed25519PrivateKey.generate()
    sealed = vault.seal(private.private_bytes_raw(), bound_to=_bound_to(kid))
    await tx.fetch(_ADD, kid, sealed, private.public_key().public_bytes_raw())
    return kid


def _is_due(rows: Sequence[Row]) -> bool:
    """Whether there is no key that goes on signing, or only one that has signed for long."""
    return not rows or rows[0]["retires_in"] is not None or rows[0]["old"]


def _known(vault: Vault, row: Row) -> KnownKey | None:
    """Return a key, None when this process's master keys do not open it."""
    try:
        raw = vault.open(row["sealed"], bound_to=_bound_to(row["id"]))
    except VaultError as error:
        _log.warning("the signing key %s cannot be opened: %s", row["id"], error)
        return None
    private = Ed25519PrivateKey.from_private_bytes(raw)
    return KnownKey(str(row["id"]), private, private.public_key(), row["retires_in"])


def _bound_to(kid: str) -> str:
    return f"identity_secret/{kid}"
