"""Who calls in the matrix: a user of each role, users of another tenant, a key that may do nothing, and nobody."""

from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from api.access_rows import Access
from domain.permissions import ROLES, Permission, effective
from tests.identity.people import People
from tests.keys import ADMIN_KEY, api_client
from tests.workflows.product import Product

Json = dict[str, Any]
NOBODY: Final = "nobody"
ADMIN: Final = "admin"
CHIEF: Final = "chief"
"""The admin of the other tenant."""
ROLE_OF: Final = {
    ADMIN: "admin",
    "operator": "operator",
    "member": "member",
    "auditor": "auditor",
    "stranger": "member",
    CHIEF: "admin",
}
ABROAD: Final = frozenset({"stranger", CHIEF})
"""Who is of the other tenant."""
POWERLESS: Final = "powerless"
DEPUTY: Final = "deputy"
"""The admin, acting for the operator."""
CALLERS: Final = (*ROLE_OF, POWERLESS)

_WALLET: Final = "SELECT longhaul_money_open($1, $1, 'all', 'USD', NULL)"


@dataclass
class World:
    """The served product, with a client for each caller, and the ids of their users. `abroad`: the other tenant."""

    product: Product
    people: People
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict[str, httpx.AsyncClient])
    users: dict[str, str] = field(default_factory=dict[str, str])
    abroad: str = ""
    made: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    async def settle(self) -> None:
        """Make the users and their keys."""
        self.abroad = (await self.people.tenant()).id
        await self.people.db.fetch(_WALLET, self.abroad)
        for who, role in ROLE_OF.items():
            if who != ADMIN:
                self.users[who] = (await self.people.user([role], self.tenant_of(who))).id
                self._connect(who, (await self.people.key(self.users[who]))[1])
        self.users |= {ADMIN: "local", POWERLESS: "local"}
        self._connect(ADMIN, ADMIN_KEY)
        self._connect(POWERLESS, (await self.people.key(permissions=[]))[1])
        self.users[DEPUTY] = self.users["operator"]
        self._connect(DEPUTY, ADMIN_KEY)
        self.clients[DEPUTY].headers["X-Longhaul-Act-As"] = self.users[DEPUTY]
        self.clients[NOBODY] = httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=30)

    async def close(self) -> None:
        """Close the clients."""
        for client in self.clients.values():
            await client.aclose()

    def may(self, who: str, wanted: Access) -> bool:
        """Whether a caller has what a route wants, by the roles alone."""
        if not isinstance(wanted, Permission):
            return True
        if who == POWERLESS:
            return False
        return wanted in effective([ROLES[ROLE_OF[who]]], operates=who not in ABROAD)

    async def key_for(self, who: str, **fields: Any) -> str:
        """Make another key for a caller's user; return it."""
        return (await self.people.key(self.users[who], **fields))[1]

    def tenant_of(self, who: str) -> str:
        """Return a caller's tenant."""
        return self.abroad if who in ABROAD else "default"

    def head_of(self, who: str) -> str:
        """Return who manages a caller's tenant."""
        return CHIEF if who in ABROAD else ADMIN

    def neighbour_of(self, who: str) -> str:
        """Return somebody else of the same tenant, who has requests and calls."""
        if who in ABROAD:
            return CHIEF if who == "stranger" else "stranger"
        return "operator" if who == "member" else "member"

    def foreigner_to(self, who: str) -> str:
        """Return somebody of the other tenant."""
        return "member" if who in ABROAD else "stranger"

    @property
    def _url(self) -> str:
        return str(self.product.api.base_url)

    def _connect(self, who: str, key: str) -> None:
        self.clients[who] = api_client(self._url, key, timeout=30)
