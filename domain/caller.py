"""Who asks: the user whose objects are seen, the tenant that pays, and what they may do."""

from dataclasses import dataclass, field

from domain.grants import EVERYTHING, Grants
from domain.permissions import Permission

LOCAL_USER = "local"
"""The first admin, made at the first start; also the owner of everything that was made before there were users."""

LOCAL_TENANT = "default"
"""The tenant that operates the installation, and its wallet's id."""


@dataclass(frozen=True)
class Caller:
    """Who sent a call, as its key or token told.

    Attributes:
        owner: The user whose objects are seen, made and paid for.
        tenant: That user's organisation.
        actor: The user who holds the key or token; another than `owner` only for who may `act_as`.
        key_id: The API key's public part, None for a token.
        permissions: What the key or token allows of what the user may do.
        grants: The models, tools, knowledge bases and wallets that may be used.
        wallet: What is charged; None: nothing is (there is no money in this installation's test, or the owner's
            tenant has no wallet).
        address: From where they call, as far as it is known.
    """

    owner: str
    tenant: str = LOCAL_TENANT
    actor: str = ""
    key_id: str | None = None
    permissions: frozenset[Permission] = field(default_factory=lambda: frozenset(Permission))
    grants: Grants = EVERYTHING
    wallet: str | None = None
    address: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the caller holds a permission."""
        return permission in self.permissions

    @property
    def by(self) -> str:
        """Who is answerable, for the audit log."""
        return self.actor or self.owner
