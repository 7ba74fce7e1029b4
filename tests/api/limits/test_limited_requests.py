"""Requests against their caller's limits: each counts as one, and is under way until its end."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from services.storage.database import Database
from tests.limits.limited import Limited
from tests.limits.people import person
from tests.workflows.product import Product

BODY = {"message": "What is two plus two?"}


@pytest_asyncio.fixture
async def waiting(idle: httpx.AsyncClient, database: Database) -> AsyncIterator[Limited]:
    """A member at an API without workers: no request ends by itself."""
    who = await person(database, "member")
    async with who.client(idle) as api:
        yield Limited(who, api, idle, "none")


async def submit(limited: Limited, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await limited.api.post("/v1/requests", json=BODY, headers=headers)


async def test_a_request_counts_once_and_takes_one_place(waiting: Limited) -> None:
    await waiting.limit("requests", 1000)
    await waiting.limit("concurrency", 2)
    await waiting.until_known()
    before = (await waiting.standing())["requests"]
    told = [await submit(waiting) for _ in range(3)]
    assert [answer.status_code for answer in told] == [202, 202, 429]
    assert told[2].json()["code"] == "rate_limited"
    assert "concurrent calls of the user" in told[2].json()["detail"]
    standing = await waiting.standing()
    assert (standing["requests"] - before, standing["concurrency"]) == (3, 2)


async def test_a_repeated_key_finds_its_request_however_full_it_is(waiting: Limited) -> None:
    await waiting.limit("requests", 1000)
    await waiting.limit("concurrency", 1)
    await waiting.until_known()
    first, again = await submit(waiting, "k1"), await submit(waiting, "k1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert (await submit(waiting, "k2")).status_code == 429
    assert (await waiting.standing())["concurrency"] == 1


async def test_the_end_frees_the_place_and_counts_the_tokens(product: Product, database: Database) -> None:
    who = await person(database, "member")
    async with who.client(product.api) as api:
        limited = Limited(who, api, product.api, product.model)
        await limited.limit("requests", 1000)
        await limited.limit("concurrency", 1)
        await limited.limit("tokens", 1_000_000)
        await limited.until_known()
        answer = await api.post("/v1/requests", json={**BODY, "options": {"model": product.model}})
        ended = await api.get(f"/v1/requests/{answer.json()['id']}", params={"wait": 30})
        assert ended.json()["phase"] == "done"
        standing = await limited.standing()
    journal = await database.fetch("SELECT usage FROM model_call WHERE request_id = $1", answer.json()["id"])
    used = sum(row["usage"]["input_tokens"] + row["usage"]["output_tokens"] for row in journal)
    assert (standing["concurrency"], standing["tokens"]) == (0, used)
    assert used > 0
