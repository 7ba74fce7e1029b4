"""Who the caller is, on the wire."""

from api.documents.keys import ApiKeyDocument
from domain.grants import GrantKind
from domain.permissions import Permission
from domain.value import Value
from services.identity.tenants import TenantView
from services.identity.users import UserView


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
    key: ApiKeyDocument | None
    permissions: tuple[Permission, ...]
    grants: dict[GrantKind, tuple[str, ...]]
    wallet: str | None
