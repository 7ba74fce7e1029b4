"""The result cache with the real worker: what it keeps, and what a second caller gets of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from runtime.settings import Settings
from tests.api.gateway.streams import Stream, asking, whole
from tests.api.gateway.yard import Yard, working_yard
from tests.workflows.product import eventually

Json = dict[str, Any]
USAGE = {"stream_options": {"include_usage": True}}


@pytest_asyncio.fixture(scope="module")
async def _yard(served_settings: Settings, client: Client, simulator: str) -> AsyncIterator[Yard]:
    async with working_yard(served_settings, client, simulator) as running:
        yield running


@pytest_asyncio.fixture
async def yard(_yard: Yard) -> Yard:
    return await _yard.with_route(cache_ttl_s=600)


def _cache(stream: Stream) -> str:
    return stream.response.headers["x-longhaul-cache"]


def _said(stream: Stream) -> list[str]:
    """Return the stream's events as they were sent, but for the last chunk's account of this very call."""
    return [data for data in stream.data if '"longhaul"' not in data]


def _usage(stream: Stream) -> Json:
    usage: Json = next(chunk["usage"] for chunk in stream.chunks if chunk.get("usage"))
    return usage


async def _kept(yard: Yard) -> None:
    """Wait until an answer of this test's model is kept; it is told to its caller a moment before."""
    assert yard.services is not None
    db = yard.services.db

    async def look() -> bool:
        found = "SELECT FROM cached_answer WHERE outcome->'routing'->>'model' = $1"
        return bool(await db.fetch(found, yard.model))

    await eventually(look)


@pytest.mark.parametrize(
    "fault",
    [
        {"answer": "Ngày mai trời mưa, 明天下雨 🌧 " * 20},
        {"answer": "So be it.", "reasoning": "First this. Then that. " * 5},
        {"tool_call": {"name": "weather", "arguments": {"city": "Huế"}}, "reasoning": True},
    ],
    ids=["text", "reasoning", "tool call"],
)
async def test_a_kept_answer_is_streamed_in_the_very_chunks_in_which_it_came(yard: Yard, fault: Json) -> None:
    await yard.fault(fault)
    body = asking(yard.model, **USAGE)
    first = await whole(yard.api, body)
    await _kept(yard)
    second = await whole(yard.api, body)
    assert (_cache(first), _cache(second)) == ("MISS", "HIT")
    assert len(first.data) > 3
    assert _said(second) == _said(first)
    assert _usage(second) == _usage(first)
    assert second.is_done
    assert len(await yard.calls()) == 1


async def test_a_kept_answer_comes_whole_to_who_asks_so_and_costs_nothing(yard: Yard) -> None:
    streamed = await whole(yard.api, asking(yard.model))
    await _kept(yard)
    answer = await yard.api.post("/v1/chat/completions", json=asking(yard.model, user="somebody"))
    assert answer.headers["x-longhaul-cache"] == "HIT"
    assert answer.headers["x-longhaul-cost"] == "0"
    assert answer.json()["choices"][0]["message"]["content"] == "".join(streamed.texts)


async def test_of_many_that_ask_at_once_one_is_made(yard: Yard) -> None:
    await yard.fault({"slow_first_token_s": 0.3})
    answers = await asyncio.gather(*(whole(yard.api, asking(yard.model)) for _ in range(8)))
    assert sorted(_cache(answer) for answer in answers) == ["HIT"] * 7 + ["MISS"]
    assert len({tuple(answer.texts) for answer in answers}) == 1
    assert len(await yard.calls()) == 1


@pytest.mark.parametrize(
    "fault",
    [{"finish_reason": "length"}, {"refusal": True}, {"status": 400, "body": {"error": {"message": "no"}}}],
    ids=["cut", "refused", "failed"],
)
async def test_what_was_cut_refused_or_failed_is_asked_again(yard: Yard, fault: Json) -> None:
    await yard.fault(fault, times=1)
    first = await yard.api.post("/v1/chat/completions", json=asking(yard.model))
    second = await yard.api.post("/v1/chat/completions", json=asking(yard.model))
    assert (first.headers["x-longhaul-cache"], second.headers["x-longhaul-cache"]) == ("MISS", "MISS")
    assert second.json()["choices"][0]["finish_reason"] == "stop"
    assert len(await yard.calls()) == 2


async def test_embeddings_are_kept(yard: Yard) -> None:
    body = {"model": yard.model, "input": ["one", "two"]}
    first = await yard.api.post("/v1/embeddings", json=body)
    assert first.status_code == 200, first.text
    await _kept(yard)
    second = await yard.api.post("/v1/embeddings", json=body)
    assert second.headers["x-longhaul-cache"] == "HIT"
    assert json.loads(second.content) == json.loads(first.content)
