"""Rows that a crash left without a workflow."""

import secrets
from datetime import UTC, datetime, timedelta

import httpx

from api.parts import Parts
from api.sweeping import sweep
from services.storage import requests
from services.storage.blobs import put
from services.storage.requests import NewRequest


async def test_row_without_a_workflow_leaves_the_lists_and_no_other(idle: httpx.AsyncClient, idle_parts: Parts) -> None:
    await sweep(idle_parts, datetime.now(UTC))  # what other tests have left
    conversation = secrets.token_hex(4)
    body = {"message": "started", "conversation_id": conversation}
    started = (await idle.post("/v1/requests", json=body)).json()["id"]
    lost = f"req_{secrets.token_hex(16)}"
    async with idle_parts.database.transaction() as tx:
        text = await put(tx, "never started")
        await requests.accept(tx, NewRequest(lost, "local", text, conversation_id=conversation))
    assert await sweep(idle_parts, datetime.now(UTC) - timedelta(minutes=1)) == 0
    assert await sweep(idle_parts, datetime.now(UTC) + timedelta(seconds=1)) == 1
    listed = (await idle.get("/v1/requests", params={"conversation_id": conversation})).json()["requests"]
    assert [request["id"] for request in listed] == [started]
