"""Users, tenants, roles, grants and keys on the wire."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from api.documents.pool import PageQuery, Revision
from domain.grants import GrantKind
from domain.permissions import Permission
from domain.value import Value
from services.identity.grants import GrantView, NewGrant, SubjectKind
from services.identity.key_bounds import KeyFields
from services.identity.key_rotation import Rotation
from services.identity.key_rows import KeyView
from services.identity.roles import NewRole, RoleFields, RoleName, RoleView
from services.identity.tenants import NewTenant, TenantFields, TenantView
from services.identity.users import ROLES_AT_MOST, NewUser, UserFields, UserView

_USER: JsonDict = {"name": "ada", "kind": "person", "display_name": "Ada Lovelace"}
_ROLE: JsonDict = {"name": "reader", "permissions": ["requests.read", "models.read"]}
_GRANT: JsonDict = {"subject_kind": "role", "subject": "member", "kind": "model", "pattern": "gpt-4*"}
_KEY: JsonDict = {
    "name": "nightly reports",
    "permissions": ["calls.create"],
    "grants": {"model": ["gpt-4o*"]},
    "networks": ["10.0.0.0/8"],
}
_ROTATION: JsonDict = {"generation": 1, "grace_s": 3600, "rotation_id": "2026-11"}

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


class KeysQuery(PageQuery):
    """Which keys: your own; another user's; or all of a tenant."""

    user_id: UserId | None = None
    tenant: TenantId | None = None


class NewKeyBody(KeyFields):
    """A key to be made. What is left out is as its user has it, or as the key has it that you use."""

    model_config = ConfigDict(json_schema_extra={"example": _KEY})

    user_id: UserId | None = Field(default=None, description="Whose it is to be; yours when left out.")

    def fields(self) -> KeyFields:
        """Return what is said of the key alone."""
        return KeyFields(**{name: getattr(self, name) for name in KeyFields.model_fields})


class KeyBody(KeyFields):
    """What a key is to be."""

    model_config = ConfigDict(json_schema_extra={"example": _KEY})

    expected_revision: Revision = None

    def fields(self) -> KeyFields:
        """Return what is said of the key alone."""
        return KeyFields(**{name: getattr(self, name) for name in KeyFields.model_fields})


class RotationBody(Rotation):
    """A rotation."""

    model_config = ConfigDict(json_schema_extra={"example": _ROTATION})


class KeysDocument(Value):
    """Keys by id, without secrets, and without revoked ones. `after`: give it to get the next page."""

    keys: list[KeyView]
    after: str | None


class MadeKeyDocument(Value):
    """A new key. `secret` is the whole key; it is shown this once."""

    key: KeyView
    secret: str


class RotatedKeyDocument(Value):
    """A rotated key. `repeated`: this rotation had happened already; its secret is not shown again."""

    key: KeyView
    secret: str | None
    repeated: bool


class MeDocument(Value):
    """Who you are to this API, and what you may do with the key or token that you sent.

    Attributes:
        user: Whose objects you see.
        actor: Who is answerable; another user when you act for one.
        grants: By kind, patterns that reach as far as you may; a kind that is missing is not narrowed.
        wallet: What your calls are charged to.
    """

    user: UserView
    actor: str
    tenant: TenantView
    key: KeyView | None
    permissions: tuple[Permission, ...]
    grants: dict[GrantKind, tuple[str, ...]]
    wallet: str | None
