"""What the matrix does not show: the doors that are not plain routes, acting for others, grants, and revocation."""

import asyncio
import json
import secrets
import time
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.api.access.kinds import THREE
from tests.api.access.world import ADMIN, CHIEF, DEPUTY, POWERLESS, World
from tests.api.gateway.streams import whole
from tests.api.mcp_server.test_door import HEADERS, message
from tests.keys import bearer
from tests.workflows.product import Json

REVOKED_WITHIN_S = 5.0
CHAT = "/v1/chat/completions"


def chat(world: World, **more: Any) -> Json:
    return {"model": world.product.model, "messages": [{"role": "user", "content": "Hello!"}], **more}


def key_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


async def waiting_request(world: World) -> str:
    """Return the path of a request of the member's that waits for its approval."""
    asked = {"message": THREE, "options": {"approval": "plan", "model": world.product.model}}
    answer = await world.clients["member"].post("/v1/requests", json=asked)
    assert answer.status_code == 202, answer.text
    return f"/v1/requests/{answer.json()['id']}"


@pytest.mark.parametrize(("who", "status"), [(POWERLESS, 403), ("auditor", 403), ("member", None)])
async def test_a_socket_wants_the_permission_to_call(world: World, who: str, status: int | None) -> None:
    client = world.clients[who]
    url = str(client.base_url.join("/v1/chat/ws")).replace("http", "ws", 1)
    if status is None:
        async with connect(url, additional_headers=bearer(key_of(client)), proxy=None):
            return
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, additional_headers=bearer(key_of(client)), proxy=None):
            pass
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["type"] == "permission_error"


async def test_each_tool_of_mcp_wants_its_own_permission(world: World) -> None:
    reader = await world.key_for("member", permissions=["requests.read"])
    said = message("start_request", message="Hello!")
    answer = await world.clients["member"].post("/mcp", json=said, headers={**HEADERS, **bearer(reader)})
    told = json.loads(json.loads(answer.text.partition("data: ")[2])["result"]["content"][0]["text"])
    assert (told["status"], told["code"]) == (403, "forbidden")
    listed = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = await world.clients["member"].post("/mcp", json=listed, headers={**HEADERS, **bearer(reader)})
    names = {tool["name"] for tool in json.loads(answer.text.partition("data: ")[2])["result"]["tools"]}
    assert "get_request" in names
    assert not names & {"start_request", "approve", "cancel_request"}


async def test_who_may_act_for_others_does_so_within_the_tenant(world: World) -> None:
    for_member = {"X-Longhaul-Act-As": world.users["member"]}
    made = await world.clients[ADMIN].post("/v1/requests", json={"message": "Hello!"}, headers=for_member)
    assert made.status_code == 202, made.text
    path = f"/v1/requests/{made.json()['id']}"
    assert (await world.clients["member"].get(path)).status_code == 200
    assert (await world.clients[ADMIN].get(path)).status_code == 404
    assert (await world.clients[ADMIN].get(path, headers=for_member)).status_code == 200
    for who in ("operator", CHIEF):
        refused = await world.clients[who].get(path, headers=for_member)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), who


async def test_a_user_id_in_a_body_is_the_callers_or_wants_act_as(world: World) -> None:
    asked = {"message": "Hello!", "userId": world.users["member"], "wait": 0}
    for who, status in (("member", 202), ("operator", 403), ("stranger", 403)):
        answer = await world.clients[who].post("/central-agent/process", json=asked)
        assert answer.status_code == status, (who, answer.text)
    request_id = (await world.clients[ADMIN].post("/central-agent/process", json=asked)).json()["id"]
    assert (await world.clients["member"].get(f"/v1/requests/{request_id}")).status_code == 200
    label = await world.clients[ADMIN].post("/central-agent/process", json={**asked, "userId": "nobody we know"})
    assert (await world.clients[ADMIN].get(f"/v1/requests/{label.json()['id']}")).status_code == 200
    other = {"message": "Hello!", "user_id": world.users["operator"]}
    assert (await world.clients["member"].post("/v1/requests", json=other)).status_code == 403


async def test_a_model_that_is_not_granted_is_refused_at_every_door(world: World) -> None:
    narrow = bearer(await world.key_for("member", grants={"model": ["no-such-*"]}))
    member, model = world.clients["member"], world.product.model
    refused = [
        await member.post(CHAT, json=chat(world), headers=narrow),
        await member.post("/v1/messages", json={**chat(world), "max_tokens": 9}, headers=narrow),
        await member.get(f"/v1/models/{model}", headers=narrow),
        await member.post("/v1/requests", json={"message": "Hello!", "options": {"model": model}}, headers=narrow),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    listed = await member.get("/v1/models", headers=narrow)
    assert model not in [each["id"] for each in listed.json()["data"]]
    assert model in [each["id"] for each in (await member.get("/v1/models")).json()["data"]]
    made = await member.post("/v1/requests", json={"message": "Hello!", "options": {"approval": "plan"}})
    edits = [{"op": "set_model", "model": model}]
    amended = await member.post(
        f"/v1/requests/{made.json()['id']}/amend", json={"expected_version": 1, "edits": edits}, headers=narrow
    )
    assert (amended.status_code, amended.json()["code"]) == (403, "forbidden")


async def test_a_stream_ends_soon_after_its_key_was_revoked(world: World) -> None:
    key, member = await world.key_for("member"), world.clients["member"]
    path = await waiting_request(world)
    async with member.stream("GET", f"{path}/events", headers=bearer(key)) as answer:
        revoked = await member.delete(f"/v1/keys/{key.split('_')[1]}")
        assert revoked.status_code == 204, revoked.text
        began = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
    assert time.monotonic() - began < REVOKED_WITHIN_S


async def test_a_stream_ends_soon_after_its_key_may_not_read_it_any_more(world: World) -> None:
    key, member = await world.key_for("member"), world.clients["member"]
    path = await waiting_request(world)
    async with member.stream("GET", f"{path}/events", headers=bearer(key)) as answer:
        narrowed = {"name": "narrowed", "permissions": ["models.read"]}
        replaced = await member.put(f"/v1/keys/{key.split('_')[1]}", json=narrowed, headers={"If-Match": "*"})
        assert replaced.status_code == 200, replaced.text
        began = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()
    assert time.monotonic() - began < REVOKED_WITHIN_S


async def test_a_wait_and_a_socket_end_soon_after_the_key_was_revoked(world: World) -> None:
    key = await world.key_for("member")
    member = world.clients["member"]
    url = str(member.base_url.join("/v1/chat/ws")).replace("http", "ws", 1)
    path = await waiting_request(world)
    waiting = asyncio.create_task(member.get(path, params={"wait": 30}, headers=bearer(key)))
    async with connect(url, additional_headers=bearer(key), proxy=None) as socket:
        await socket.send(json.dumps({"type": "cancel", "id": "x"}))
        assert "error" in json.loads(await socket.recv())
        assert (await member.delete(f"/v1/keys/{key.split('_')[1]}")).status_code == 204
        began = time.monotonic()
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
    assert (await waiting).status_code == 401
    assert time.monotonic() - began < REVOKED_WITHIN_S


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic bGg6bGg="},
        {"Authorization": "Bearer"},
        {"Authorization": "lh_0123456789abcdef_x"},
        {"Authorization": "Bearer " + "x" * 9000},
        {"x-api-key": "lh_0123456789abcdef_x"},
        {},
    ],
)
async def test_what_is_no_key_is_a_401_that_says_how_to_do_better(world: World, headers: dict[str, str]) -> None:
    nobody = world.clients["nobody"]
    answer = await nobody.post("/v1/requests", content=b"{", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "unauthenticated"
    openai = await nobody.post(CHAT, content=b"{", headers=headers)
    assert (openai.status_code, openai.json()["error"]["type"]) == (401, "authentication_error")
    anthropic = await nobody.post("/v1/messages", content=b"{", headers=headers)
    assert (anthropic.status_code, anthropic.json()["error"]["type"]) == (401, "authentication_error")


async def test_both_ways_to_bring_a_key_are_good(world: World) -> None:
    nobody, key = world.clients["nobody"], key_of(world.clients["member"])
    assert (await nobody.get("/v1/requests", headers={"x-api-key": key})).status_code == 200
    assert (await nobody.get("/v1/requests", headers={"Authorization": f"bearer {key}"})).status_code == 200
    doubled = [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]
    assert (await nobody.get("/v1/requests", headers=doubled)).status_code == 401


async def test_health_tells_of_the_pool_only_who_may_read_it(world: World) -> None:
    shown = {who: (await client.get("/health")).json()["pool"] for who, client in world.clients.items()}
    assert {who for who, pool in shown.items() if pool is not None} == {ADMIN, DEPUTY, "operator", "auditor"}


async def test_a_tenant_shares_kept_answers_and_no_other_tenant_has_them(world: World) -> None:
    name = f"kept-{secrets.token_hex(4)}"
    route = {"name": name, "targets": [{"deployment_id": world.product.model}], "cache_ttl_s": 60}
    assert (await world.clients[ADMIN].post("/v1/pool/routes", json=route)).status_code == 201
    assert world.product.pool is not None
    assert world.product.services is not None
    await world.product.pool.refresh()
    await world.product.services.models.catalogue.refresh()
    asked, key = {**chat(world), "model": name, "temperature": 0}, {"Idempotency-Key": secrets.token_hex(8)}
    first = await world.clients["member"].post(CHAT, json=asked)
    assert (first.status_code, first.headers["x-longhaul-cache"]) == (200, "MISS"), first.text
    shared = await world.clients["operator"].post(CHAT, json=asked, headers=key)
    assert (shared.status_code, shared.headers["x-longhaul-cache"]) == (200, "HIT"), shared.text
    again = await world.clients["operator"].post(CHAT, json=asked, headers=key)
    assert again.status_code == 200, again.text
    assert again.json()["choices"] == first.json()["choices"]
    key = {"Idempotency-Key": secrets.token_hex(8)}
    stream = await whole(world.clients["operator"], asked, key)
    assert stream.response.headers["x-longhaul-cache"] == "HIT"
    rest = await whole(world.clients["operator"], asked, {**key, "Last-Event-ID": stream.ids[0]})
    assert rest.ids == stream.ids[1:]
    apart = await world.clients["stranger"].post(CHAT, json=asked)
    assert (apart.status_code, apart.headers["x-longhaul-cache"]) == (200, "MISS"), apart.text
