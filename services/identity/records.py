"""What the database knows of who calls: a user with roles and grants, the key or session that they hold.

One statement each, so that all of it is of one moment. Times come as seconds from that moment on, by the database's
clock.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.grants import EVERYTHING, GrantKind, Grants, union
from domain.permissions import ROLES, Permission, effective
from services.storage.driver import Row
from services.storage.statements import Statements

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Layer = dict[GrantKind, tuple[str, ...]]

_USER: Final = """
    u.id AS user_id, u.kind, u.name, u.tenant, t.operates, t.wallet AS tenant_wallet,
    u.disabled_at IS NOT NULL OR t.disabled_at IS NOT NULL AS user_off,
    ARRAY(SELECT r.role FROM user_role r WHERE r.user_id = u.id ORDER BY r.role) AS roles,
    ARRAY(
        SELECT DISTINCT p FROM user_role r
        JOIN role o ON o.tenant = u.tenant AND o.name = r.role, unnest(o.permissions) AS p
        WHERE r.user_id = u.id) AS own_permissions,
    (SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_array(g.kind, g.pattern)), '[]') FROM access_grant g
        WHERE g.tenant = u.tenant AND (g.subject_kind = 'user' AND g.subject = u.id OR g.subject_kind = 'role'
            AND g.subject IN (SELECT r.role FROM user_role r WHERE r.user_id = u.id))) AS given"""
_KEY: Final = """
    k.id AS key_id, k.permissions, k.grants, k.networks, k.wallet,
    k.disabled_at IS NOT NULL OR k.revoked_at IS NOT NULL AS key_off,
    extract(epoch FROM k.expires_at - clock_timestamp())::float8 AS ends_in_s"""
_BY_USER: Final = f"SELECT {_USER} FROM app_user u JOIN tenant t ON t.id = u.tenant WHERE u.id = $1"  # noqa: S608  our own columns
_BY_KEY: Final = f"""
    SELECT {_KEY}, {_USER},
        (SELECT jsonb_agg(jsonb_build_array(
            encode(s.digest, 'hex'), extract(epoch FROM s.expires_at - clock_timestamp())::float8))
            FROM api_key_secret s
            WHERE s.key_id = k.id AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())) AS secrets
    FROM api_key k JOIN app_user u ON u.id = k.user_id JOIN tenant t ON t.id = u.tenant WHERE k.id = $1"""  # noqa: S608  our own columns
_BY_SESSION: Final = f"""
    SELECT {_USER}, extract(epoch FROM s.expires_at - clock_timestamp())::float8 AS ends_in_s
    FROM user_session s JOIN app_user u ON u.id = s.user_id JOIN tenant t ON t.id = u.tenant
    WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > clock_timestamp()"""  # noqa: S608  our own columns


@dataclass(frozen=True)
class UserRecord:
    """A user as the database has it.

    Attributes:
        disabled: Whether the user or the tenant is.
        permissions: What all roles give.
        layer: What all roles and the user's own grants give.
        wallet: The tenant's.
    """

    id: str
    name: str
    kind: str
    tenant: str
    disabled: bool
    operates: bool
    roles: tuple[str, ...]
    permissions: frozenset[Permission]
    layer: Layer
    wallet: str | None

    @property
    def grants(self) -> Grants:
        """What the user may use."""
        return EVERYTHING.narrowed(self.layer)


@dataclass(frozen=True)
class KeyRecord:
    """A key as the database has it.

    Attributes:
        permissions: What it narrows its user's to; None: to nothing less.
        layer: The same of grants, by kind.
        networks: From where it may be used; empty: from everywhere.
        wallet: What its calls are charged to; None: its tenant's.
        disabled: Whether the key is.
        ends_in_s: Seconds until it expires; None: it does not.
        secrets: HMACs of the secrets that are good, with the seconds until the end of their grace.
    """

    id: str
    user: UserRecord
    permissions: frozenset[Permission] | None
    layer: Layer
    networks: tuple[Network, ...]
    wallet: str | None
    disabled: bool
    ends_in_s: float | None
    secrets: tuple[tuple[bytes, float | None], ...] = ()


@dataclass(frozen=True)
class SessionRecord:
    """A session that goes on. `ends_in_s`: seconds until it expires."""

    user: UserRecord
    ends_in_s: float


async def user_record(where: Statements, user_id: str) -> UserRecord | None:
    """Return a user; None: there is none of this id."""
    rows = await where.fetch(_BY_USER, user_id)
    return _user(rows[0]) if rows else None


async def key_record(where: Statements, key_id: str) -> KeyRecord | None:
    """Return a key with its user; None: there is none of this id."""
    rows = await where.fetch(_BY_KEY, key_id)
    return _key(rows[0]) if rows else None


async def session_record(where: Statements, session_id: str) -> SessionRecord | None:
    """Return a session that goes on, with its user; None: there is none of this id."""
    rows = await where.fetch(_BY_SESSION, session_id)
    return SessionRecord(_user(rows[0]), rows[0]["ends_in_s"]) if rows else None


def permissions_of(names: Iterable[str]) -> frozenset[Permission]:
    """Return permissions by their names; a name that this build does not know gives nothing."""
    return frozenset(Permission(name) for name in names if name in _KNOWN)


def layer_of(given: Mapping[str, Any]) -> Layer:
    """Return the layer that a key's JSON tells."""
    return {kind: tuple(given[kind.value]) for kind in GrantKind if kind.value in given}


def _user(row: Row) -> UserRecord:
    built_in = [ROLES[role] for role in row["roles"] if role in ROLES]
    own = permissions_of(row["own_permissions"])
    return UserRecord(
        id=row["user_id"],
        name=row["name"],
        kind=row["kind"],
        tenant=row["tenant"],
        disabled=row["user_off"],
        operates=row["operates"],
        roles=tuple(row["roles"]),
        permissions=effective([*built_in, own], operates=row["operates"]),
        layer=union((GrantKind(kind), pattern) for kind, pattern in row["given"] if kind in _KINDS),
        wallet=row["tenant_wallet"],
    )


def _key(row: Row) -> KeyRecord:
    return KeyRecord(
        id=row["key_id"],
        user=_user(row),
        permissions=None if row["permissions"] is None else permissions_of(row["permissions"]),
        layer=layer_of(row["grants"]),
        networks=tuple(ipaddress.ip_network(each) for each in row["networks"]),
        wallet=row["wallet"],
        disabled=row["key_off"],
        ends_in_s=row["ends_in_s"],
        secrets=tuple((bytes.fromhex(digest), ends_in_s) for digest, ends_in_s in row["secrets"] or ()),
    )


_KNOWN: Final = frozenset(permission.value for permission in Permission)
_KINDS: Final = frozenset(kind.value for kind in GrantKind)
