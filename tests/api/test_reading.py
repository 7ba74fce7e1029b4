import secrets
import time

import httpx

from services.storage import requests
from services.storage.blobs import put
from services.storage.database import Database
from services.storage.requests import NewRequest

UNKNOWN = f"req_{'0' * 32}"


async def submit(api: httpx.AsyncClient, message: str, **fields: str) -> str:
    answer = await api.post("/v1/requests", json={"message": message, **fields})
    assert answer.status_code == 202
    return str(answer.json()["id"])


async def somebody_elses(database: Database) -> str:
    request_id = f"req_{secrets.token_hex(16)}"
    async with database.transaction() as tx:
        await requests.accept(tx, NewRequest(request_id, "somebody-else", await put(tx, "theirs")))
    return request_id


async def test_request_that_is_unknown_or_somebody_elses_is_not_found(
    idle: httpx.AsyncClient, database: Database
) -> None:
    for request_id in (UNKNOWN, await somebody_elses(database), "req_1", "%00", "..%2f"):
        for path in ("", "/plan", "/plan/diff?from=1&to=2", "/steps/a", "/events", "/costs"):
            answer = await idle.get(f"/v1/requests/{request_id}{path}")
            assert answer.status_code == 404, (request_id, path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_message_to_a_request_that_is_unknown_or_somebody_elses_is_not_found(
    idle: httpx.AsyncClient, database: Database
) -> None:
    bodies = {
        "amend": {"expected_version": 1, "edits": [{"op": "drop", "step_id": "a"}]},
        "approve": {"approval_id": "a", "decision": "approve"},
        "reply": {"question_id": "q", "text": "yes"},
        "pause": {},
        "resume": {},
        "cancel": {},
        "steps/a/cancel": {},
        "fork": {"from_step": "a"},
    }
    for request_id in (UNKNOWN, await somebody_elses(database)):
        for verb, body in bodies.items():
            answer = await idle.post(f"/v1/requests/{request_id}/{verb}", json=body)
            assert answer.status_code == 404, (verb, answer.text)


async def test_list_is_paged_newest_first_and_narrowed(idle: httpx.AsyncClient, database: Database) -> None:
    conversation = secrets.token_hex(4)
    made = [await submit(idle, f"no {number}", conversation_id=conversation) for number in range(5)]
    await somebody_elses(database)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"conversation_id": conversation, "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await idle.get("/v1/requests", params=query)).json()
        seen += [request["id"] for request in page["requests"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    done = await idle.get("/v1/requests", params={"conversation_id": conversation, "phase": "done"})
    assert done.json()["requests"] == []


async def test_list_refuses_what_it_cannot_use(idle: httpx.AsyncClient) -> None:
    for query in ("limit=0", "limit=101", "phase=nowhere", "cursor=abc", "colour=red", "user_id=%00"):
        assert (await idle.get(f"/v1/requests?{query}")).status_code == 422, query


async def test_wait_ends_at_its_limit_for_a_request_that_does_not_end(idle: httpx.AsyncClient) -> None:
    request_id = await submit(idle, "waits")
    began = time.monotonic()
    answer = await idle.get(f"/v1/requests/{request_id}?wait=1")
    assert 0.9 < time.monotonic() - began < 3
    assert answer.json()["phase"] == "accepted"
    assert (await idle.get(f"/v1/requests/{request_id}?wait=61")).status_code == 422


async def test_message_that_no_worker_takes_is_a_504_with_its_id(idle: httpx.AsyncClient) -> None:
    request_id = await submit(idle, "nobody answers")
    began = time.monotonic()
    answer = await idle.post(f"/v1/requests/{request_id}/pause", headers={"Idempotency-Key": "pause-1"})
    assert time.monotonic() - began < 12
    assert (answer.status_code, answer.json()["message_id"]) == (504, "pause-1")


async def test_context_is_replaced_and_read(idle: httpx.AsyncClient) -> None:
    context = {"projects": [{"key": "APO", "name": "Apollo", "members": ["ada"], "channels": []}], "team": "blue"}
    assert (await idle.put("/v1/context", json=context)).status_code == 200
    read = (await idle.get("/v1/context")).json()
    assert read["team"] == "blue"
    assert read["projects"][0]["key"] == "APO"
    assert (await idle.put("/v1/context", json={"projects": [{"name": "no key"}]})).status_code == 422
    assert (await idle.put("/v1/context", json={"notes": "x" * 70_000})).status_code == 422
