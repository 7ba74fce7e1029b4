"""The objects of the matrix: how one of each kind is made and removed, and an id that there is none of."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from domain.permissions import Permission
from services.tools.sign_in import tokens
from tests.api.access.world import ADMIN, World
from tests.workflows.product import eventually

THREE: Final = "Write about rain. Write about snow. Then compare them."
REACH: Final = {"transport": "http", "url": "http://127.0.0.1:9/mcp", "allow_private": True}


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        make: Makes one for a caller; returns what stands in the path.
        missing: What stands in a path of which there is none.
        scope: To whom it belongs: a user, a tenant, or the installation, which has no foreign ones.
        path: Where it is removed by DELETE; None: it is not removed.
        upserts: Whether PUT makes what is missing.
        needs: Without which permission nobody has one.
    """

    make: Callable[[World, str], Awaitable[str]]
    missing: str
    scope: Literal["user", "tenant", "installation"] = "installation"
    path: str | None = None
    upserts: bool = False
    needs: Permission | None = None


async def post(world: World, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Make something."""
    answer = await world.clients[who].post(path, json=body)
    assert answer.is_success, (path, answer.text)
    said: dict[str, Any] = answer.json()
    return said


def name() -> str:
    """Return a name that nothing has."""
    return f"m{secrets.token_hex(6)}"


async def request(world: World, who: str) -> str:
    """A request that has ended, with a plan."""
    body = {"message": THREE, "user_id": world.users[who], "options": {"model": world.product.model}}
    request_id: str = (await post(world, who, "/v1/requests", body))["id"]

    async def ended() -> bool:
        seen = await world.clients[who].get(f"/v1/requests/{request_id}", params={"wait": 10})
        return bool(seen.json()["phase"] in ("done", "failed"))

    await eventually(ended)
    return request_id


async def call(world: World, who: str) -> str:
    """A chat that was answered."""
    body = {"model": world.product.model, "messages": [{"role": "user", "content": "Hello!"}]}
    answer = await world.clients[who].post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-longhaul-request-id"]


async def own_id(world: World, who: str) -> str:
    """The caller themselves, who has asked for something."""
    await request(world, who)
    return world.users[who]


async def model(world: World, who: str) -> str:
    """A model that everybody may use."""
    del who
    return world.product.model


async def provider(world: World, who: str) -> str:
    """A model provider."""
    del who
    body = {"id": name(), "dialect": "openai", "base_url": "http://127.0.0.1:9/v1"}
    return str((await post(world, ADMIN, "/v1/pool/providers", body))["id"])


async def account(world: World, who: str) -> str:
    """An account at a provider."""
    body = {"id": name(), "provider_id": await provider(world, who), "credential": "sk-x"}
    return str((await post(world, ADMIN, "/v1/pool/accounts", body))["id"])


async def deployment(world: World, who: str) -> str:
    """A deployment of an account."""
    body = {"id": name(), "account_id": await account(world, who), "model": "m"}
    return str((await post(world, ADMIN, "/v1/pool/deployments", body))["id"])


async def route(world: World, who: str) -> str:
    """A route to a deployment."""
    body = {"name": name(), "targets": [{"deployment_id": await deployment(world, who)}]}
    return str((await post(world, ADMIN, "/v1/pool/routes", body))["name"])


async def node(world: World, who: str) -> str:
    """A node that has registered."""
    del who
    body = {"base_url": "http://127.0.0.1:9/v1", "models": ["m"]}
    node_id = name()
    answer = await world.clients[ADMIN].put(f"/v1/pool/nodes/{node_id}", json=body)
    assert answer.is_success, answer.text
    return node_id


async def tool_server(world: World, who: str) -> str:
    """A tool server that is not asked for anything."""
    del who
    body = {"id": name(), "reach": REACH, "disabled": True}
    return str((await post(world, ADMIN, "/v1/tool-servers", body))["id"])


async def tool_rule(world: World, who: str) -> str:
    """A rule about a tool that there is none of."""
    del who
    body = {"server": name(), "decision": "ask"}
    return str((await post(world, ADMIN, "/v1/tool-rules", body))["rule"]["number"])


async def state(world: World, who: str) -> str:
    """A sign-in at a tool server that waits for the caller."""
    found = secrets.token_hex(8)
    sign_in = tokens.SignIn(found, tokens.Holder("no-such", world.users[who]), "https://example.org/sign-in")
    await tokens.begin_sign_in(world.people.db, sign_in, 600)
    return found


async def setting(world: World, who: str) -> str:
    """A setting."""
    del who
    listed = (await world.clients[ADMIN].get("/v1/settings")).json()
    return str(listed["settings"][0]["name"])


async def user(world: World, who: str) -> str:
    """A user of the caller's tenant."""
    return str((await post(world, world.head_of(who), "/v1/users", {"name": f"{name()}{name()}"}))["id"])


async def role(world: World, who: str) -> str:
    """A role of the caller's tenant."""
    body = {"name": name(), "description": "none", "permissions": ["models.read"]}
    return str((await post(world, world.head_of(who), "/v1/roles", body))["name"])


async def grant(world: World, who: str) -> str:
    """A grant in the caller's tenant."""
    body = {"subject_kind": "role", "subject": "member", "kind": "model", "pattern": name()}
    return str((await post(world, world.head_of(who), "/v1/grants", body))["id"])


async def key(world: World, who: str) -> str:
    """A key of the caller's."""
    return str((await post(world, who, "/v1/keys", {"name": "another"}))["key"]["id"])


async def tenant(world: World, who: str) -> str:
    """A tenant."""
    del who
    return str((await post(world, ADMIN, "/v1/tenants", {"name": f"{name()}{name()}"}))["id"])


async def limit(world: World, who: str) -> str:
    """A limit of a user that nobody is."""
    made = await user(world, who)
    body = {"subject": f"user:{made}", "kind": "requests", "amount": 9, "window_s": 60}
    return str((await post(world, world.head_of(who), "/v1/limits", body))["id"])


async def wallet(world: World, who: str) -> str:
    """A wallet of the caller's tenant."""
    body = {"name": "more", "tenant": world.tenant_of(who)}
    return str((await post(world, ADMIN, "/v1/wallets", body))["id"])


async def budget(world: World, who: str) -> str:
    """A budget of a user that nobody is."""
    made = await user(world, who)
    body = {"subject": f"user:{made}", "period": "month", "limit_micros": 1_000_000}
    return str((await post(world, world.head_of(who), "/v1/budgets", body))["id"])


async def oidc_provider(world: World, who: str) -> str:
    """A way to sign in of the caller's tenant."""
    body = {
        "id": name(),
        "name": "Theirs",
        "issuer": "https://login.example.org",
        "client_id": "us",
        "client_secret": "their word",
    }
    return str((await post(world, world.head_of(who), "/v1/oidc-providers", body))["id"])


_REQUEST: Final = Kind(request, "req_" + "0" * 32, "user", needs=Permission.REQUESTS_CREATE)
_CALL: Final = Kind(call, "call_" + "0" * 32, "user", needs=Permission.CALLS_CREATE)
KINDS: Final[dict[str, Kind]] = {
    "/v1/requests/{request_id}": _REQUEST,
    "/central-agent/plan/{request_id}": _REQUEST,
    "/central-agent/plan/user/{userId}": Kind(own_id, "nobody-at-all", "user", needs=Permission.REQUESTS_CREATE),
    "/v1/calls/{call_id}": _CALL,
    "/v1/models/{model}": Kind(model, "there-is/no-such-model", needs=Permission.CALLS_CREATE),
    "/v1/pool/providers/{id}": Kind(provider, "no-such", path="/v1/pool/providers"),
    "/v1/pool/accounts/{id}": Kind(account, "no-such", path="/v1/pool/accounts"),
    "/v1/pool/deployments/{id}": Kind(deployment, "no-such", path="/v1/pool/deployments"),
    "/v1/pool/routes/{name}": Kind(route, "no-such", path="/v1/pool/routes"),
    "/v1/pool/nodes/{id}": Kind(node, "no-such", path="/v1/pool/nodes", upserts=True),
    "/v1/tool-servers/{server_id}": Kind(tool_server, "no-such", path="/v1/tool-servers"),
    "/v1/tool-rules/{number}": Kind(tool_rule, str(2**40), path="/v1/tool-rules"),
    "/v1/tool-sign-ins/{state}": Kind(state, "no-such", "user"),
    "/v1/settings/{name}": Kind(setting, "no_such"),
    "/v1/users/{id}": Kind(user, "usr_" + "0" * 32, "tenant"),
    "/v1/roles/{name}": Kind(role, "no_such", "tenant", path="/v1/roles"),
    "/v1/grants/{id}": Kind(grant, "grt_" + "0" * 32, "tenant", path="/v1/grants"),
    "/v1/keys/{id}": Kind(key, "0" * 16, "tenant"),
    "/v1/tenants/{id}": Kind(tenant, "ten_" + "0" * 32),
    "/v1/limits/{id}": Kind(limit, "lim_" + "0" * 32, "tenant", path="/v1/limits"),
    "/v1/wallets/{id}": Kind(wallet, "wal_" + "0" * 32, "tenant", needs=Permission.CALLS_CREATE),
    "/v1/budgets/{id}": Kind(budget, "bud_" + "0" * 32, "tenant", path="/v1/budgets"),
    "/v1/oidc-providers/{id}": Kind(oidc_provider, "no-such", "tenant", path="/v1/oidc-providers"),
}
"""By the part of a route's path that names the object."""


def kind_of(path: str) -> tuple[str, Kind] | None:
    """Return the kind of object that a route is about, and the part of its path that names it.

    Raises:
        KeyError: The route has an object of a kind that is not listed here.
    """
    if "{" not in path:
        return None
    stem = path[: path.index("}") + 1]
    return stem, KINDS[stem]
