"""Users, tenants, roles and grants on the wire."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from api.documents.pool import PageQuery, Revision
from domain.grants import GrantKind
from domain.value import Value
from services.identity.grants import GrantView, NewGrant, SubjectKind
from services.identity.roles import NewRole, RoleFields, RoleName, RoleView
from services.identity.tenants import NewTenant, TenantFields, TenantView
from services.identity.users import ROLES_AT_MOST, NewUser, UserFields, UserView

_USER: JsonDict = {"name": "ada", "kind": "person", "display_name": "Ada Lovelace"}
_ROLE: JsonDict = {"name": "reader", "permissions": ["requests.read", "models.read"]}
_GRANT: JsonDict = {"subject_kind": "role", "subject": "member", "kind": "model", "pattern": "gpt-4*"}

TenantId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Another tenant than your own.")]
UserId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class TenantQuery(Value):
    """Of which tenant."""

    tenant: TenantId | None = None


class UsersQuery(PageQuery):
    """Which users."""

    tenant: TenantId | None = None


class NewUserBody(NewUser):
    """A user to be made. Roles are given afterwards; a new user is a `member`."""

    model_config = ConfigDict(json_schema_extra={"example": _USER})

    def value(self) -> NewUser:
        """Return the user alone."""
        return NewUser(**{name: getattr(self, name) for name in NewUser.model_fields})


class UserBody(UserFields):
    """What is said of a user."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "ada", "display_name": "Ada King"}})

    expected_revision: Revision = None


class RolesBody(Value):
    """All roles that a user is to have."""

    model_config = ConfigDict(json_schema_extra={"example": {"roles": ["member", "auditor"]}})

    roles: Annotated[tuple[RoleName, ...], Field(max_length=ROLES_AT_MOST)]
    expected_revision: Revision = None


class UsersDocument(Value):
    """Users by id. `after`: give it to get the next page; null on the last."""

    users: list[UserView]
    after: str | None


class NewRoleBody(NewRole):
    """A role to be made."""

    model_config = ConfigDict(json_schema_extra={"example": _ROLE})


class RoleBody(RoleFields):
    """What a role gives."""

    model_config = ConfigDict(json_schema_extra={"example": {"permissions": ["requests.read"]}})

    expected_revision: Revision = None


class RolesDocument(Value):
    """The built-in roles and the tenant's own."""

    roles: list[RoleView]


class GrantsQuery(PageQuery):
    """Which grants."""

    tenant: TenantId | None = None
    subject_kind: SubjectKind | None = None
    subject: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")] | None = None
    kind: GrantKind | None = None


class GrantBody(NewGrant):
    """A grant to be made."""

    model_config = ConfigDict(json_schema_extra={"example": _GRANT})


class GrantsDocument(Value):
    """Grants by id. `after`: give it to get the next page; null on the last."""

    grants: list[GrantView]
    after: str | None


class NewTenantBody(NewTenant):
    """A tenant to be made."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "acme"}})


class TenantBody(TenantFields):
    """What is said of a tenant."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "acme", "wallet": "acme-2026"}})

    expected_revision: Revision = None


class TenantsDocument(Value):
    """Tenants by id. `after`: give it to get the next page; null on the last."""

    tenants: list[TenantView]
    after: str | None
