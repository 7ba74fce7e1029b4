"""What is written in another's name is on the audit, whichever route writes it."""

import secrets
from typing import Any

import pytest

from api.access_rows import ACCESS
from tests.api.access.kinds import kind_of
from tests.api.access.test_doors import CHAT, chat
from tests.api.access.test_matrix import ROWS, ask, made
from tests.api.access.world import ADMIN, DEPUTY, World

WRITES = [row for row in ROWS if not row.startswith("GET")]
WRITES_NOTHING = frozenset(
    {
        "POST /mcp",  # without a message; its tools do what routes do
        "POST /v1/messages/count_tokens",
        "POST /v1/calls/{call_id}/cancel",  # the call has ended
        "DELETE /v1/calls/{call_id}",
        "POST /v1/pool/accounts/{id}/unpark",  # it is in use
    }
)


async def entries(world: World, **facts: Any) -> list[dict[str, Any]]:
    """Return what the audit says was done for the operator by the admin, the newest first."""
    facts = {"actor": "local", "owner": world.users[DEPUTY], **facts}
    answer = await world.clients[ADMIN].get("/v1/audit", params=facts)
    assert answer.is_success, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


@pytest.mark.parametrize("row", WRITES)
async def test_a_write_for_another_is_on_the_audit(world: World, row: str) -> None:
    found = kind_of(row.partition(" ")[2])
    own = None if found is None else await made(world, found[1], found[0], "operator", to_change=True)
    before = await entries(world, limit=1)
    status = await ask(world, DEPUTY, row, own)
    assert (status == 403) != world.may("operator", ACCESS[row])
    if status < 300 and row not in WRITES_NOTHING:
        assert await entries(world, limit=1) != before


async def test_calls_and_jobs_for_another_are_on_the_audit_from_beginning_to_end(world: World) -> None:
    text, key = secrets.token_hex(8), {"Idempotency-Key": secrets.token_hex(8)}
    await world.product.fault({"delay_s": 20.0}, times=1, contains=text)
    asked = chat(world, messages=[{"role": "user", "content": text}], longhaul={"async": True})
    job, again = [await world.clients[DEPUTY].post(CHAT, json=asked, headers=key) for _ in range(2)]
    assert (job.status_code, again.status_code) == (202, 202), job.text
    call_id = job.json()["id"]  # what a key finds again is no new call
    cancelled = await world.clients[DEPUTY].delete(f"/v1/calls/{call_id}")
    assert cancelled.json()["cancelled"] is True
    told = await entries(world, object_id=call_id)
    assert [each["action"] for each in told] == ["call.cancel", "call.create"]
    assert {each["address"] for each in told} == {"127.0.0.1"}


async def test_ones_own_calls_are_not_on_the_audit(world: World) -> None:
    answer = await world.clients["operator"].post(CHAT, json=chat(world))
    assert answer.status_code == 200
    call_id = answer.headers["x-longhaul-request-id"]
    found = await world.clients[ADMIN].get("/v1/audit", params={"object_id": call_id})
    assert found.json()["entries"] == []


async def test_a_user_id_in_a_body_is_on_the_audit(world: World) -> None:
    asked = {"message": "Hello!", "userId": world.users["operator"], "wait": 0}
    made_for = await world.clients[ADMIN].post("/central-agent/process", json=asked)
    assert made_for.status_code == 202, made_for.text
    (told,) = await entries(world, object_id=made_for.json()["id"])
    assert told["action"] == "request.create"
