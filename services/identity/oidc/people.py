"""Whose sign-in it is: a user is found by provider and subject, which with its fixed issuer name one person.

Never by e-mail or name: who can choose those at some provider would be somebody else here.
"""

import secrets
import time
from typing import Any, Final

from domain.errors import InvalidInput
from domain.ids import uuid7_hex
from domain.user_names import normalised, skeleton
from services.identity.oidc.desk import Stored, method
from services.identity.oidc.errors import Reason, SignInFailed
from services.identity.users import AT_MOST
from services.storage.audit import Act, By, record
from services.storage.database import Tx

ROLE: Final = "member"
_SHOWN = 100
_EMAIL = 254

_TURN = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_FIND = """
    SELECT u.id, u.tenant, u.disabled_at IS NOT NULL OR o.disabled_at IS NOT NULL AS disabled
    FROM oidc_identity i JOIN app_user u ON u.id = i.user_id JOIN tenant o ON o.id = u.tenant
    WHERE i.provider_id = $1 AND i.subject = $2 FOR SHARE OF u"""
_TENANT = """
    SELECT (SELECT count(*) FROM app_user u WHERE u.tenant = o.id) AS users FROM tenant o
    WHERE o.id = $1 AND o.disabled_at IS NULL FOR SHARE"""
_ADD = """
    INSERT INTO app_user (id, tenant, kind, name, skeleton, display_name, email, managed_by, revision)
    VALUES ($1, $2, 'person', $3, $4, $5, $6, $7, 1) ON CONFLICT (skeleton) DO NOTHING RETURNING id"""
_GIVE = "INSERT INTO user_role (user_id, role) VALUES ($1, $2)"
_LINK = "INSERT INTO oidc_identity (provider_id, subject, user_id) VALUES ($1, $2, $3)"


async def found_or_made(tx: Tx, provider: Stored, claims: dict[str, Any], address: str | None) -> str:
    """Return the id of the user that an ID token speaks of; a new member of the provider's tenant, if it allows that.

    Raises:
        SignInFailed: There is no such user and none is made, or they are disabled.
    """
    subject = str(claims["sub"])
    await tx.fetch(_TURN, f"oidc_identity/{provider.id}/{subject}")
    rows = await tx.fetch(_FIND, provider.id, subject)
    if rows:
        if rows[0]["disabled"] or rows[0]["tenant"] != provider.tenant:
            raise SignInFailed(Reason.DISABLED)
        return str(rows[0]["id"])
    if not provider.spec.creates_users:
        raise SignInFailed(Reason.UNKNOWN_USER)
    rows = await tx.fetch(_TENANT, provider.tenant)
    if not rows or rows[0]["users"] >= AT_MOST:
        raise SignInFailed(Reason.DISABLED)
    user_id = await _made(tx, provider, claims)
    await tx.fetch(_LINK, provider.id, subject, user_id)
    by = By(user_id, user_id, provider.tenant, address=address)
    await record(tx, by, Act("user.create", "user", user_id, {"method": method(provider.id), "role": ROLE}))
    return user_id


async def _made(tx: Tx, provider: Stored, claims: dict[str, Any]) -> str:
    """Add a user by the name that they prefer, or, when it is none or taken, by one that is made."""
    user_id = f"usr_{uuid7_hex(time.time_ns() // 1_000_000, secrets.randbits(80))}"
    shown, email = _text(claims.get("name"), _SHOWN), _text(claims.get("email"), _EMAIL)
    kept = (shown, email if claims.get("email_verified") is True else None, provider.id)
    for name in (_name(claims.get("preferred_username")), f"{provider.id}.{secrets.token_hex(8)}"):
        if name is not None and await tx.fetch(_ADD, user_id, provider.tenant, name, skeleton(name), *kept):
            await tx.fetch(_GIVE, user_id, ROLE)
            return user_id
    raise SignInFailed(Reason.UNKNOWN_USER)


def _name(preferred: object) -> str | None:
    try:
        return normalised(preferred) if isinstance(preferred, str) else None
    except InvalidInput:
        return None


def _text(value: object, longest: int) -> str | None:
    """Return a claim as it can be stored and shown; None: it cannot."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        return None
    return value if not any("\ud800" <= each <= "\udfff" for each in value) else None
