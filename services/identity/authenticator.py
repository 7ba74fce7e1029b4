"""Who calls: from a key or token to a `Caller`. What is known is at most `KNOWN_S` old, in every process.

A check of a key that is known makes no statement. Nothing tells a caller which part of a credential was wrong, and
secrets are compared by their HMACs in constant time.
"""

import hmac
import ipaddress
from dataclasses import dataclass
from time import monotonic
from typing import Final, Protocol

from domain.api_keys import parse_key
from domain.caller import Caller
from domain.caller_errors import Forbidden, Unauthenticated
from domain.grant_scopes import may_use_all
from domain.permissions import Permission
from services.identity.last_used import LastUsed
from services.identity.pepper import Pepper
from services.identity.recent import Recent
from services.identity.records import (
    KeyRecord,
    Network,
    SessionRecord,
    UserRecord,
    key_record,
    session_record,
    user_record,
)
from services.identity.rights import Rights, acting, of_key, of_user
from services.identity.signing_keys import SigningKeys
from services.identity.token_form import looks_like_token
from services.identity.tokens import Claims, Tokens
from services.storage.database import Database
from services.vault.vault import Vault

KNOWN_S: Final = 2.0
KNOWN_AT_MOST: Final = 10_000
_LONGEST: Final = 4096


class TokenReader(Protocol):
    """Who verifies access tokens (`services.identity.tokens.Tokens`)."""

    async def verify(self, token: str) -> Claims:
        """Return what a token says. Raises Unauthenticated, Unavailable."""
        ...


@dataclass(frozen=True)
class _Holder:
    """Who holds a good key or token."""

    user: UserRecord
    rights: Rights
    key_id: str | None = None


class Authenticator:
    """Finds out who calls. One a process.

    Args:
        db: The database.
        vault: Opens what secrets are hashed and signed with.
        tokens: Verifies access tokens; None: ours.
        known_s: For how long what is known is good.

    Attributes:
        pepper: What secrets of keys are hashed with.
    """

    def __init__(
        self, db: Database, vault: Vault, *, tokens: TokenReader | None = None, known_s: float = KNOWN_S
    ) -> None:
        self.pepper = Pepper(db, vault)
        self._tokens = tokens or Tokens(SigningKeys(db, vault))
        self._used = LastUsed(db)
        self._keys = Recent[KeyRecord](lambda key: key_record(db, key), ttl_s=known_s, most=KNOWN_AT_MOST)
        self._sessions = Recent[SessionRecord](lambda key: session_record(db, key), ttl_s=known_s, most=KNOWN_AT_MOST)
        self._users = Recent[UserRecord](lambda key: user_record(db, key), ttl_s=known_s, most=KNOWN_AT_MOST)

    async def close(self) -> None:
        """Write which keys were used last."""
        await self._used.close()

    async def caller(self, credential: str, address: str | None, act_as: str | None = None) -> Caller:
        """Return who sends a credential.

        Args:
            credential: An API key, or an access token.
            address: From where, as far as it is known.
            act_as: The id of the user for whom the call is made; None: for whoever sends it.

        Raises:
            Unauthenticated: It is no valid one.
            Forbidden: It may not be used from this address, or not for this user.
            Unavailable: The database does not answer.
        """
        if not credential.isascii() or len(credential) > _LONGEST:
            raise _refused()
        holder = await self._by_token(credential) if looks_like_token(credential) else None
        if holder is None:
            holder = await self._by_key(credential, address)
        if act_as is None or act_as == holder.user.id:
            return _caller(holder, holder.user.id, holder.rights)
        return await self._acting(holder, act_as)

    async def _by_key(self, credential: str, address: str | None) -> _Holder:
        spelled = parse_key(credential)
        if spelled is None:
            raise _refused()
        presented, began = await self.pepper.digest(spelled.secret), monotonic()
        found = await self._keys.get(spelled.id)
        if found is not None and found[0] < began and not _matches(presented, *found):
            found = await self._keys.anew(spelled.id)  # the key may have been rotated just now
        if found is None or not _is_good(presented, *found):
            raise _refused()
        key = found[1]
        if key.networks and not _is_within(address, key.networks):
            raise Forbidden("this key may not be used from this address")
        self._used.note(key.id)
        return _Holder(key.user, of_key(key, key.user), key.id)

    async def _by_token(self, credential: str) -> _Holder:
        claims = await self._tokens.verify(credential)
        found = await self._sessions.get(claims.session_id)
        if found is None:
            raise _refused()
        asked_at, session = found
        over = session.ends_in_s <= monotonic() - asked_at
        if over or session.user.disabled or session.user.id != claims.user_id:
            raise _refused()
        return _Holder(session.user, of_user(session.user))

    async def _acting(self, holder: _Holder, act_as: str) -> Caller:
        if Permission.ACT_AS not in holder.rights.permissions:
            raise Forbidden("this needs the permission act_as", Permission.ACT_AS.value)
        found = await self._users.get(act_as) if len(act_as) <= _LONGEST and "\0" not in act_as else None
        owner = None if found is None else found[1]
        if owner is None or owner.disabled or owner.tenant != holder.user.tenant:
            raise Forbidden("there is no such user to act for")
        if holder.key_id is None and not may_use_all(holder.rights.grants, owner.layer):  # work remembers keys alone
            raise Forbidden("by a log-in you act for users only who may use no more than you; send a key")
        return _caller(holder, owner.id, acting(holder.rights, of_user(owner)))


def _caller(holder: _Holder, owner: str, rights: Rights) -> Caller:
    return Caller(
        owner=owner,
        tenant=rights.tenant,
        actor=holder.user.id,
        key_id=holder.key_id,
        permissions=rights.permissions,
        grants=rights.grants,
        wallet=rights.wallet,
    )


def _matches(presented: bytes, asked_at: float, key: KeyRecord) -> bool:
    """Return whether a secret is one of the key's, after all of them were compared."""
    age = monotonic() - asked_at
    matches = [
        hmac.compare_digest(presented, digest) and (ends_in_s is None or ends_in_s > age)
        for digest, ends_in_s in key.secrets
    ]
    return any(matches)


def _is_good(presented: bytes, asked_at: float, key: KeyRecord) -> bool:
    """Return whether a secret opens a key now."""
    expired = key.ends_in_s is not None and key.ends_in_s <= monotonic() - asked_at
    return _matches(presented, asked_at, key) and not (key.disabled or expired or key.user.disabled)


def _is_within(address: str | None, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    seen = mapped or parsed
    return any(seen.version == network.version and seen in network for network in networks)


def _refused() -> Unauthenticated:
    return Unauthenticated("the key or token is not valid")
