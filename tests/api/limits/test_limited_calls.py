"""Calls of the gateway against their caller's limits: headers on every answer, refusals, and what ends give back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from services.storage.database import Database
from tests.api.gateway.streams import CHAT, asking, whole
from tests.limits.limited import Limited
from tests.limits.people import person
from tests.workflows.product import Product, eventually

MESSAGES = "/v1/messages"
REQUESTS = "x-ratelimit-remaining-requests"


def message(model: str) -> dict[str, Any]:
    """Return a call in Anthropic's form."""
    return {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}


@pytest_asyncio.fixture
async def limited(product: Product, database: Database) -> AsyncIterator[Limited]:
    who = await person(database, "member")
    async with who.client(product.api) as api:
        yield Limited(who, api, product.api, product.model)


async def test_every_answer_says_what_is_left(limited: Limited) -> None:
    await limited.limit("requests", 50)
    await limited.limit("tokens", 100_000)
    await limited.until_known()
    one = await limited.api.post(CHAT, json=asking(limited.model))
    two = (await whole(limited.api, asking(limited.model))).response
    three = await limited.api.post(MESSAGES, json=message(limited.model))
    assert [answer.status_code for answer in (one, two, three)] == [200] * 3
    for answer in (one, two, three):
        assert answer.headers["x-ratelimit-limit-requests"] == "50"
        assert answer.headers["x-ratelimit-limit-tokens"] == "100000"
        assert int(answer.headers["x-ratelimit-remaining-tokens"]) < 100_000
        assert "m" in answer.headers["x-ratelimit-reset-requests"]
    left = [int(answer.headers[REQUESTS]) for answer in (one, two, three)]
    assert left == [left[0], left[0] - 1, left[0] - 2]
    assert three.headers["anthropic-ratelimit-requests-remaining"] == three.headers[REQUESTS]
    assert three.headers["anthropic-ratelimit-requests-reset"].endswith("Z")


async def test_who_has_no_limits_is_told_of_none(limited: Limited) -> None:
    answer = await limited.api.post(CHAT, json=asking(limited.model))
    assert answer.status_code == 200
    assert not any("ratelimit" in name for name in answer.headers)


async def test_one_call_too_many_is_refused_by_each_door_in_its_form(limited: Limited) -> None:
    await limited.limit("requests", 2)
    await limited.until_known()
    while (await limited.api.post(CHAT, json=asking(limited.model))).status_code == 200:
        pass
    openai = await limited.api.post(CHAT, json=asking(limited.model))
    stream = await limited.api.post(CHAT, json=asking(limited.model, stream=True))
    anthropic = await limited.api.post(MESSAGES, json=message(limited.model))
    assert [answer.status_code for answer in (openai, stream, anthropic)] == [429] * 3
    error = openai.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "requests per hour" in error["message"]
    assert anthropic.json()["error"]["type"] == "rate_limit_error"
    for answer in (openai, stream, anthropic):
        assert answer.headers[REQUESTS] == "0"
        assert int(answer.headers["retry-after"]) > 1
        assert int(answer.headers["retry-after-ms"]) > 1000
    assert anthropic.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert (await limited.standing())["requests"] == 2


async def test_tokens_are_settled_by_what_the_call_has_used(limited: Limited) -> None:
    await limited.limit("requests", 1000)
    await limited.limit("tokens", 50_000)
    await limited.until_known()
    answer = await limited.api.post(CHAT, json=asking(limited.model, max_tokens=40_000))
    usage = answer.json()["usage"]
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) < 10_000
    assert (await limited.standing())["tokens"] == usage["total_tokens"] < 10_000


async def test_calls_at_once_have_a_bound_and_the_next_comes_in_at_an_end(limited: Limited, product: Product) -> None:
    await limited.limit("requests", 1000)
    await limited.limit("concurrency", 1)
    await limited.until_known()
    await product.fault({"delay_s": 1.0})
    slow = asyncio.create_task(limited.api.post(CHAT, json=asking(limited.model)))

    async def is_under_way() -> bool:
        return (await limited.standing())["concurrency"] == 1

    await eventually(is_under_way, 5)
    refused = await limited.api.post(CHAT, json=asking(limited.model))
    assert refused.status_code == 429
    assert "concurrent calls" in refused.json()["error"]["message"]
    assert (await slow).status_code == 200
    assert (await limited.api.post(CHAT, json=asking(limited.model))).status_code == 200
    assert (await limited.standing())["concurrency"] == 0


async def test_a_repeated_key_keeps_no_place(limited: Limited) -> None:
    await limited.limit("requests", 1000)
    await limited.limit("concurrency", 1)
    await limited.limit("tokens", 50_000)
    await limited.until_known()
    key = {"Idempotency-Key": "the-same"}
    first = await limited.api.post(CHAT, json=asking(limited.model), headers=key)
    tokens = (await limited.standing())["tokens"]
    again = await limited.api.post(CHAT, json=asking(limited.model), headers=key)
    assert again.json() == first.json()
    standing = await limited.standing()
    assert (standing["concurrency"], standing["tokens"]) == (0, tokens)


async def test_a_repeated_key_counts_as_a_request_and_is_refused_like_one(limited: Limited) -> None:
    await limited.limit("requests", 6)
    await limited.until_known()
    key = {"Idempotency-Key": "again-and-again"}
    told = [await limited.api.post(CHAT, json=asking(limited.model), headers=key) for _ in range(7)]
    assert [told[0].status_code, told[-1].status_code] == [200, 429]
    assert told[-1].headers[REQUESTS] == "0"
    assert (await limited.standing())["requests"] == 6


async def test_a_stream_that_is_taken_up_again_counts_as_a_request(limited: Limited) -> None:
    await limited.limit("requests", 1000)
    await limited.until_known()
    key = {"Idempotency-Key": "broken-off"}
    first = await whole(limited.api, asking(limited.model), key)
    before = (await limited.standing())["requests"]
    rest = await whole(limited.api, asking(limited.model), {**key, "Last-Event-ID": first.ids[0]})
    assert rest.ids == first.ids[1:]
    assert (await limited.standing())["requests"] == before + 1


async def test_a_call_that_fails_gives_its_place_back(limited: Limited, product: Product) -> None:
    await limited.limit("requests", 1000)
    await limited.limit("concurrency", 1)
    await limited.until_known()
    await product.fault({"status": 400})
    assert (await limited.api.post(CHAT, json=asking(limited.model))).status_code == 400
    assert (await limited.standing())["concurrency"] == 0


async def test_a_repeated_key_joins_its_call_however_full_it_is(limited: Limited, product: Product) -> None:
    await limited.limit("requests", 1000)
    await limited.limit("concurrency", 1)
    await limited.until_known()
    await product.fault({"delay_s": 1.0})
    key = {"Idempotency-Key": "still-running"}
    slow = asyncio.create_task(limited.api.post(CHAT, json=asking(limited.model), headers=key))

    async def is_under_way() -> bool:
        return (await limited.standing())["concurrency"] == 1

    await eventually(is_under_way, 5)
    joined = await limited.api.post(CHAT, json=asking(limited.model), headers=key)
    assert joined.status_code == 200
    assert joined.json() == (await slow).json()


async def test_calls_share_the_queue_as_their_tenant(limited: Limited, product: Product) -> None:
    answer = await limited.api.post(CHAT, json=asking(limited.model))
    described = await product.temporal.get_workflow_handle(answer.headers["x-longhaul-request-id"]).describe()
    priority = described.raw_description.workflow_execution_info.priority
    assert (priority.priority_key, priority.fairness_key) == (3, limited.person.tenant)
