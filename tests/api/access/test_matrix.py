"""Role × route × object, from the table of routes: who may is let in, who may not is told so, and what is another's is
not there.
"""

import re
import secrets
from typing import Any, Final

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api.access_rows import ACCESS, KNOWN, PUBLIC
from api.app import routes_only
from domain.permissions import Permission
from tests.api.access.kinds import Kind, kind_of
from tests.api.access.world import ADMIN, CALLERS, NOBODY, World

APP: Final = routes_only()
DOCUMENT: Final = APP.openapi()
ROWS: Final = [row for row in ACCESS if not row.startswith("WEBSOCKET") and ACCESS[row] is not PUBLIC]
QUERIES: Final = {"GET /v1/requests/{request_id}/plan/diff": {"from": 1, "to": 1}}
"""What a route wants in its query before it looks at its object."""
BODIES: Final[dict[str, dict[str, Any]]] = {
    "POST /central-agent/process": {"message": "Hello!", "userId": "", "wait": 0},
    "POST /v1/requests/{request_id}/approve": {"approval_id": "a_plan_1", "decision": "approve"},
    "POST /v1/requests/{request_id}/reply": {"question_id": "q_1", "text": "blue"},
    "POST /v1/requests/{request_id}/fork": {"from_step": "s1"},
    "PUT /v1/tool-servers/{server_id}": {"reach": {"transport": "http", "url": "https://example.org/mcp"}},
}
"""Bodies of routes whose document has no example that fits."""
REFERRING: Final = frozenset(f"PUT /v1/pool/{rest}" for rest in ("accounts/{id}", "deployments/{id}", "routes/{name}"))
"""Routes that look at what their body refers to first, which in the example is not there either: 422."""
NAMING: Final = frozenset({"POST /v1/wallets/{id}/refunds"})
"""Routes whose body names something else that may be missing."""
STAYS: Final = frozenset({"GET /v1/tool-servers/{server_id}/changes"})
"""What outlives its object, and is empty where there never was one."""
REFUSED: Final = (401, 403)
_DOORS: Final = ("chat", "completions", "embeddings", "models", "responses", "messages", "calls")
GATEWAY: Final = tuple(f"/v1/{door}" for door in _DOORS)


def documented_rows() -> set[str]:
    """Return a row for every route of the application."""
    rows = {f"{method.upper()} {path}" for path, found in DOCUMENT["paths"].items() for method in found}
    return rows | {f"{method} {path}" for route in APP.routes for method, path in _hidden(route)}


def _hidden(route: BaseRoute) -> list[tuple[str, str]]:
    """Return what the document leaves out."""
    path = getattr(route, "path_format", None)
    if path is None or isinstance(route, APIRoute):
        return []
    methods: set[str] = getattr(route, "methods", None) or {"WEBSOCKET"}
    return [(method, path) for method in methods - {"HEAD"}]


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert documented_rows() | {"WEBSOCKET /v1/chat/ws"} == set(ACCESS)


def test_every_object_in_a_path_is_made_by_the_matrix() -> None:
    for row in ROWS:
        kind_of(row.partition(" ")[2])


def body_of(row: str) -> dict[str, Any] | None:
    """Return a body that the route reads without complaint: an example of its document."""
    method, _, path = row.partition(" ")
    if row in BODIES or path not in DOCUMENT["paths"]:
        return BODIES.get(row)
    asked = DOCUMENT["paths"][path][method.lower()].get("requestBody", {}).get("content", {}).get("application/json")
    if asked is None:
        return None
    if "examples" in asked:
        found: dict[str, Any] = next(iter(asked["examples"].values()))["value"]
        return found
    options = asked["schema"].get("anyOf", [asked["schema"]])
    name = next((option["$ref"] for option in options if "$ref" in option), "").rpartition("/")[2]
    example: dict[str, Any] = DOCUMENT["components"]["schemas"].get(name, {}).get("example", {})
    return example


def fitting(body: dict[str, Any] | None, row: str, user_id: str, object_id: str | None) -> dict[str, Any] | None:
    """Return a body that names the object of the path and the caller, where it names any."""
    if body is None:
        return None
    named = re.search(r"\{(id|name)\}$", row)
    changes = {"userId": user_id, **({} if named is None else {named[1]: object_id})}
    return {**body, **{field: value for field, value in changes.items() if field in body}}


async def ask(world: World, who: str, row: str, object_id: str | None = None) -> int:
    """Call a route, for an object if it has one; return the status."""
    method, _, path = row.partition(" ")
    if object_id is not None:
        path = re.sub(r"\{[^}]*\}", object_id, path, count=1)
    path = re.sub(r"\{step_id\}", "s1", path)
    options: dict[str, Any] = {"params": QUERIES.get(row)}
    if method == "POST":
        options["headers"] = {"Idempotency-Key": secrets.token_hex(8)}
    if method in ("POST", "PUT", "PATCH"):
        options["json"] = fitting(body_of(row), row, world.users.get(who, who), object_id)
    answer = await world.clients[who].request(method, path, **options)
    assert answer.status_code < 500, (row, who, object_id, answer.status_code, answer.text)
    if answer.status_code in REFUSED:
        assert_told(answer.headers["content-type"], answer.json(), path)
    return answer.status_code


def assert_told(content_type: str, told: dict[str, Any], path: str) -> None:
    """Check that a refusal has the shape of the API whose path was asked."""
    if path.startswith(GATEWAY):
        assert told["error"]["type"] in ("authentication_error", "permission_error")
    else:
        assert content_type == "application/problem+json"
        assert told["code"] in ("unauthenticated", "forbidden")


async def made(world: World, kind: Kind, stem: str, who: str, *, to_change: bool = False) -> str:
    """Return an object of a caller's; one of its own if the call is going to change it."""
    if to_change and kind.scope != "user":
        return await kind.make(world, who)
    if (stem, who) not in world.made:
        world.made[stem, who] = await kind.make(world, who)
    return world.made[stem, who]


@pytest.mark.parametrize("row", ROWS)
async def test_nobody_is_let_in_without_a_key(world: World, row: str) -> None:
    found = kind_of(row.partition(" ")[2])
    assert await ask(world, NOBODY, row, None if found is None else found[1].missing) == 401


@pytest.mark.parametrize("row", [row for row in ROWS if ACCESS[row] is not KNOWN])
async def test_who_lacks_the_permission_is_refused_whatever_is_there(world: World, row: str) -> None:
    wanted, found = ACCESS[row], kind_of(row.partition(" ")[2])
    assert isinstance(wanted, Permission)
    objects: list[str | None] = [None]
    if found is not None:
        objects = [found[1].missing, await made(world, found[1], found[0], ADMIN)]
    for who in CALLERS:
        if not world.may(who, wanted):
            assert [await ask(world, who, row, each) for each in objects] == [403] * len(objects), who


@pytest.mark.parametrize("row", ROWS)
async def test_who_has_the_permission_is_let_in_to_what_is_theirs(world: World, row: str) -> None:
    wanted, found = ACCESS[row], kind_of(row.partition(" ")[2])
    for who in CALLERS:
        if not world.may(who, wanted):
            continue
        if found is None:
            assert await ask(world, who, row) not in REFUSED, who
            continue
        if not owns(world, found[1], who):
            continue
        own = await made(world, found[1], found[0], who, to_change=not row.startswith("GET"))
        assert await ask(world, who, row, own) not in (*REFUSED, *(() if row in NAMING else (404,))), who


@pytest.mark.parametrize("row", [row for row in ROWS if "{" in row])
async def test_what_is_missing_or_deleted_is_not_found(world: World, row: str) -> None:
    wanted, (stem, kind) = ACCESS[row], kind_of(row.partition(" ")[2]) or ("", None)
    assert kind is not None
    if row in STAYS or (kind.upserts and row.startswith("PUT")):
        return
    for who in CALLERS:
        if not world.may(who, wanted):
            continue
        missing = await ask(world, who, row, kind.missing)
        expected = {404} if "{userId}" not in row or world.may(who, Permission.ACT_AS) else {403}
        assert missing in (expected | {422} if row in REFERRING else expected), who
        if kind.path is not None and owns(world, kind, who):
            gone = await kind.make(world, who)
            remover = ADMIN if kind.scope == "installation" else world.head_of(who)
            removed = await world.clients[remover].delete(f"{kind.path}/{gone}")
            assert removed.is_success, removed.text
            assert await ask(world, who, row, gone) in ((404, 422) if row in REFERRING else (404,)), (who, stem)


@pytest.mark.parametrize("row", [row for row in ROWS if "{" in row])
async def test_what_is_anothers_is_not_found(world: World, row: str) -> None:
    wanted, (stem, kind) = ACCESS[row], kind_of(row.partition(" ")[2]) or ("", None)
    assert kind is not None
    for who in CALLERS:
        if kind.scope == "installation" or not world.may(who, wanted):
            continue
        foreign = await made(world, kind, stem, world.foreigner_to(who))
        if kind.scope == "tenant" and world.may(who, Permission.TENANTS_READ):
            continue  # who looks after the installation sees every tenant
        expected = 403 if "{userId}" in row and not world.may(who, Permission.ACT_AS) else 404
        assert await ask(world, who, row, foreign) == expected, who


@pytest.mark.parametrize("row", [row for row in ROWS if "{" in row])
async def test_what_is_a_colleagues_is_not_found(world: World, row: str) -> None:
    wanted, (stem, kind) = ACCESS[row], kind_of(row.partition(" ")[2]) or ("", None)
    assert kind is not None
    for who in CALLERS:
        if not world.may(who, wanted) or not is_private(world, kind, stem, who):
            continue
        acts = world.may(who, Permission.ACT_AS)
        if "{userId}" in row and acts:
            continue  # they may ask for others of their tenant
        theirs = await made(world, kind, stem, world.neighbour_of(who))
        assert await ask(world, who, row, theirs) == (403 if "{userId}" in row else 404), who


def is_private(world: World, kind: Kind, stem: str, who: str) -> bool:
    """Whether a caller is kept from the objects of others of their tenant."""
    return kind.scope == "user" or (stem == "/v1/keys/{id}" and not world.may(who, Permission.KEYS_WRITE))


def owns(world: World, kind: Kind, who: str) -> bool:
    """Whether a caller can have an object of a kind: an auditor makes no requests."""
    return kind.needs is None or world.may(who, kind.needs)
