"""What a caller may do: named permissions, the built-in roles, and what only the operating tenant may be given.

A route names the permission that it wants (`api/access.py`); a role is a set of them; a key may narrow its user's.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """One thing that a route may want. `…_all`: of everybody in the caller's tenant, not only of the caller."""

    REQUESTS_CREATE = "requests.create"
    REQUESTS_READ = "requests.read"
    REQUESTS_CONTROL = "requests.control"
    CALLS_CREATE = "calls.create"
    CALLS_READ = "calls.read"
    MODELS_READ = "models.read"
    CONTEXT_READ = "context.read"
    CONTEXT_WRITE = "context.write"
    TOOLS_READ = "tools.read"
    TOOLS_SIGN_IN = "tools.sign_in"
    TOOLS_WRITE = "tools.write"
    POOL_READ = "pool.read"
    POOL_WRITE = "pool.write"
    NODES_REGISTER = "nodes.register"
    LOG_READ = "log.read"
    LOG_READ_ALL = "log.read_all"
    METRICS_READ = "metrics.read"
    KEYS_OWN = "keys.own"
    KEYS_WRITE = "keys.write"
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    ROLES_WRITE = "roles.write"
    TENANTS_READ = "tenants.read"
    TENANTS_WRITE = "tenants.write"
    GRANTS_WRITE = "grants.write"
    LIMITS_WRITE = "limits.write"
    WALLETS_READ = "wallets.read"
    WALLETS_WRITE = "wallets.write"
    BUDGETS_READ = "budgets.read"
    BUDGETS_WRITE = "budgets.write"
    AUDIT_READ = "audit.read"
    SETTINGS_READ = "settings.read"
    SETTINGS_WRITE = "settings.write"
    ACT_AS = "act_as"


PLATFORM: Final = frozenset(
    {
        Permission.TOOLS_WRITE,
        Permission.POOL_READ,
        Permission.POOL_WRITE,
        Permission.NODES_REGISTER,
        Permission.METRICS_READ,
        Permission.TENANTS_READ,
        Permission.TENANTS_WRITE,
        Permission.WALLETS_WRITE,
        Permission.SETTINGS_READ,
        Permission.SETTINGS_WRITE,
    }
)
"""What touches the whole installation: held only by users of the operating tenant, whatever their roles say."""

MEMBER: Final = frozenset(
    {
        Permission.REQUESTS_CREATE,
        Permission.REQUESTS_READ,
        Permission.REQUESTS_CONTROL,
        Permission.CALLS_CREATE,
        Permission.CALLS_READ,
        Permission.MODELS_READ,
        Permission.CONTEXT_READ,
        Permission.CONTEXT_WRITE,
        Permission.TOOLS_READ,
        Permission.TOOLS_SIGN_IN,
        Permission.LOG_READ,
        Permission.KEYS_OWN,
        Permission.WALLETS_READ,
        Permission.BUDGETS_READ,
    }
)

AUDITOR: Final = frozenset(
    {
        Permission.MODELS_READ,
        Permission.TOOLS_READ,
        Permission.POOL_READ,
        Permission.LOG_READ,
        Permission.LOG_READ_ALL,
        Permission.METRICS_READ,
        Permission.USERS_READ,
        Permission.TENANTS_READ,
        Permission.WALLETS_READ,
        Permission.BUDGETS_READ,
        Permission.AUDIT_READ,
        Permission.SETTINGS_READ,
    }
)

OPERATOR: Final = MEMBER | {
    Permission.TOOLS_WRITE,
    Permission.POOL_READ,
    Permission.POOL_WRITE,
    Permission.NODES_REGISTER,
    Permission.LOG_READ_ALL,
    Permission.METRICS_READ,
    Permission.LIMITS_WRITE,
    Permission.SETTINGS_READ,
    Permission.SETTINGS_WRITE,
}

ROLES: Final[Mapping[str, frozenset[Permission]]] = {
    "admin": frozenset(Permission),
    "operator": OPERATOR,
    "member": MEMBER,
    "auditor": AUDITOR,
}
"""The built-in roles. Custom ones are rows of a tenant, made of the same permissions."""


def effective(of_roles: Iterable[frozenset[Permission]], *, operates: bool) -> frozenset[Permission]:
    """Return what a user may do: all that the roles give, less what only the operating tenant may be given."""
    given = frozenset(permission for each in of_roles for permission in each)
    return given if operates else given - PLATFORM
