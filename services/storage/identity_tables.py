"""Tenants, users, roles, grants, API keys, and how people sign in.

No column holds a secret that could be used: keys and refresh tokens are kept as HMACs, passwords as Argon2 hashes, and
what the product itself must know again (`identity_secret`, an OIDC client's secret) is sealed by the vault.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.storage.columns import Named, flag_column, id_column, json_column, number_column, text_column, time_column


def _words() -> Column[Any]:
    """Return a column for a list of short ASCII texts, empty unless told."""
    return Column(ARRAY(Text(collation="C")), nullable=False, server_default=text("'{}'"))


def _bytes(*, primary: bool = False, nullable: bool = False) -> Column[bytes]:
    return Column(LargeBinary, primary_key=primary, nullable=nullable)


class Tenant(Named, table=True):
    """An organisation. `operates`: its users may be given what touches the whole installation.

    `skeleton`: the name as look-alikes see it, unique. `wallet`: what its calls are charged to.
    """

    __table_args__ = (Index("tenant_by_skeleton", "skeleton", unique=True),)

    id: str = Field(sa_column=id_column(primary=True))
    name: str = Field(sa_column=text_column(nullable=False))
    skeleton: str = Field(sa_column=id_column())
    operates: bool = Field(sa_column=flag_column())
    wallet: str | None = Field(sa_column=id_column(nullable=True))
    revision: int = Field(sa_column=number_column())
    disabled_at: datetime | None = Field(sa_column=time_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class AppUser(Named, table=True):
    """A user of one tenant; `id` is the `owner` of all that is theirs. `kind`: `person` or `service`.

    `name` is normalised, `skeleton` is the name as look-alikes see it, unique over all tenants (`domain.user_names`).
    `managed_by`: the OIDC provider that made the user; null: made here.
    """

    __table_args__ = (
        Index("app_user_by_skeleton", "skeleton", unique=True),
        Index("app_user_by_tenant", "tenant", "id"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    tenant: str = Field(sa_column=id_column())
    kind: str = Field(sa_column=id_column())
    name: str = Field(sa_column=text_column(nullable=False))
    skeleton: str = Field(sa_column=id_column())
    display_name: str | None = Field(sa_column=text_column())
    email: str | None = Field(sa_column=text_column())
    managed_by: str | None = Field(sa_column=id_column(nullable=True))
    revision: int = Field(sa_column=number_column())
    disabled_at: datetime | None = Field(sa_column=time_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class Role(Named, table=True):
    """A tenant's own role: a named set of permissions. The built-in ones (`domain.permissions.ROLES`) are no rows."""

    tenant: str = Field(sa_column=id_column(primary=True))
    name: str = Field(sa_column=id_column(primary=True))
    description: str = Field(sa_column=text_column(nullable=False))
    permissions: list[str] = Field(sa_column=_words())
    revision: int = Field(sa_column=number_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class UserRole(Named, table=True):
    """A role that a user has, built in or of the user's tenant."""

    __table_args__ = (Index("user_role_by_role", "role", "user_id"),)

    user_id: str = Field(sa_column=id_column(primary=True))
    role: str = Field(sa_column=id_column(primary=True))


class AccessGrant(Named, table=True):
    """A pattern of things of one kind (`domain.grants.GrantKind`) that a tenant's role or user may use.

    `subject_kind`: `role` or `user`. What a key narrows this to stands in `api_key.grants`.
    """

    __table_args__ = (
        Index("access_grant_once", "tenant", "subject_kind", "subject", "kind", "pattern", unique=True),
        Index("access_grant_by_tenant", "tenant", "id"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    tenant: str = Field(sa_column=id_column())
    subject_kind: str = Field(sa_column=id_column())
    subject: str = Field(sa_column=id_column())
    kind: str = Field(sa_column=id_column())
    pattern: str = Field(sa_column=id_column())
    created_at: datetime = Field(sa_column=time_column(now=True))


class ApiKey(Named, table=True):
    """An API key; `id` is its public part. `permissions` null, a kind not in `grants`: as its user has it.

    `generation`: the number of its newest secret. `wallet`: what its calls are charged to; null: the tenant's.
    """

    __table_args__ = (
        Index("api_key_by_user", "user_id", "id"),
        Index("api_key_by_tenant", "tenant", "id"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    tenant: str = Field(sa_column=id_column())
    user_id: str = Field(sa_column=id_column())
    name: str = Field(sa_column=text_column(nullable=False))
    permissions: list[str] | None = Field(sa_column=Column(ARRAY(Text(collation="C")), nullable=True))
    grants: dict[str, Any] = Field(sa_column=json_column("{}"))
    networks: list[str] = Field(sa_column=_words())
    wallet: str | None = Field(sa_column=id_column(nullable=True))
    generation: int = Field(sa_column=number_column())
    revision: int = Field(sa_column=number_column())
    expires_at: datetime | None = Field(sa_column=time_column())
    disabled_at: datetime | None = Field(sa_column=time_column())
    revoked_at: datetime | None = Field(sa_column=time_column())
    last_used_at: datetime | None = Field(sa_column=time_column())
    created_by: str = Field(sa_column=id_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class ApiKeySecret(Named, table=True):
    """A secret of a key: its HMAC. `expires_at`: the end of its grace, once a newer one has been made.

    `rotation_id`: the caller's name of the rotation that made it, so that a repeated one makes no other.
    """

    __table_args__ = (Index("api_key_secret_by_rotation", "key_id", "rotation_id", unique=True),)

    key_id: str = Field(sa_column=id_column(primary=True))
    generation: int = Field(sa_column=number_column(primary=True))
    digest: bytes = Field(sa_column=_bytes())
    rotation_id: str | None = Field(sa_column=id_column(nullable=True))
    expires_at: datetime | None = Field(sa_column=time_column())
    created_at: datetime = Field(sa_column=time_column(now=True))


class IdentitySecret(Named, table=True):
    """What the product signs and hashes with, sealed, bound to `identity_secret/<id>`.

    `kind`: `pepper` (of keys and refresh tokens; one row, id `pepper`) or `signing` (an Ed25519 key; id = `kid`,
    `public` its public half). `retired_at`: since when it signs no more; what it signed is valid until it expires.
    """

    id: str = Field(sa_column=id_column(primary=True))
    kind: str = Field(sa_column=id_column())
    sealed: bytes = Field(sa_column=_bytes())
    public: bytes | None = Field(sa_column=_bytes(nullable=True))
    retired_at: datetime | None = Field(sa_column=time_column())
    created_at: datetime = Field(sa_column=time_column(now=True))


class UserPassword(Named, table=True):
    """A person's password as an Argon2id hash."""

    user_id: str = Field(sa_column=id_column(primary=True))
    hash: str = Field(sa_column=text_column(nullable=False))
    must_change: bool = Field(sa_column=flag_column())
    changed_at: datetime = Field(sa_column=time_column(now=True))


class UserSession(Named, table=True):
    """A log-in: the family of its refresh tokens. Access tokens name it, so that its end is theirs.

    `method`: `password` or the OIDC provider's id. `ended_at`, `end_reason`: logged out, reused, disabled.
    """

    __table_args__ = (
        Index("user_session_by_user", "user_id", "id"),
        Index("user_session_by_expiry", "expires_at"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    user_id: str = Field(sa_column=id_column())
    method: str = Field(sa_column=id_column())
    address: str | None = Field(sa_column=text_column())
    agent: str | None = Field(sa_column=text_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    used_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))
    ended_at: datetime | None = Field(sa_column=time_column())
    end_reason: str | None = Field(sa_column=id_column(nullable=True))


class RefreshToken(Named, table=True):
    """A refresh token as its HMAC. One that comes again after `used_at` ends its session."""

    __table_args__ = (Index("refresh_token_by_session", "session_id", "n", unique=True),)

    digest: bytes = Field(sa_column=_bytes(primary=True))
    session_id: str = Field(sa_column=id_column())
    n: int = Field(sa_column=number_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))
    used_at: datetime | None = Field(sa_column=time_column())


class LoginFailure(Named, table=True):
    """Failed log-ins in a row of a `subject`: `name:<digest>` or `address:<address>`."""

    __table_args__ = (Index("login_failure_by_time", "last_at"),)

    subject: str = Field(sa_column=id_column(primary=True))
    failures: int = Field(sa_column=number_column())
    first_at: datetime = Field(sa_column=time_column(now=True))
    last_at: datetime = Field(sa_column=time_column(now=True))
    locked_until: datetime | None = Field(sa_column=time_column())


class OidcProvider(Named, table=True):
    """An OpenID provider whose people may sign in to `tenant`. `data`: issuer, client id, scopes, how claims are read.

    `client_secret` is sealed, bound to `oidc_provider/<id>`; null: a public client.
    """

    __table_args__ = (Index("oidc_provider_by_tenant", "tenant", "id"),)

    id: str = Field(sa_column=id_column(primary=True))
    tenant: str = Field(sa_column=id_column())
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    client_secret: bytes | None = Field(sa_column=_bytes(nullable=True))
    revision: int = Field(sa_column=number_column())
    disabled_at: datetime | None = Field(sa_column=time_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class OidcIdentity(Named, table=True):
    """Which user a provider's `subject` (claim `sub`) is."""

    __table_args__ = (Index("oidc_identity_by_user", "user_id"),)

    provider_id: str = Field(sa_column=id_column(primary=True))
    subject: str = Field(sa_column=id_column(primary=True))
    user_id: str = Field(sa_column=id_column())
    created_at: datetime = Field(sa_column=time_column(now=True))


class OidcState(Named, table=True):
    """A sign-in under way: `digest` of its state, nonce and PKCE verifier sealed (`oidc_state/<digest hex>`)."""

    __table_args__ = (Index("oidc_state_by_expiry", "expires_at"),)

    digest: bytes = Field(sa_column=_bytes(primary=True))
    provider_id: str = Field(sa_column=id_column())
    sealed: bytes = Field(sa_column=_bytes())
    browser: bytes | None = Field(sa_column=_bytes(nullable=True))
    return_to: str | None = Field(sa_column=text_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))
