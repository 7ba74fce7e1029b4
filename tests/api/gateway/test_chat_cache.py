"""Chats of a route that keeps answers: who asks the same again, who asks meanwhile, and who wants none of it."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from api.gateway.cache_wish import CacheWish, wish_of
from api.parts import Parts
from domain.caller import LOCAL_TENANT
from domain.gateway import CallError, CallOutcome
from domain.model_pool import Route
from runtime.settings import Settings
from services.storage import result_cache
from services.storage.event_reader import EventReader
from tests.api.gateway.maker import Maker, model
from tests.api.gateway.streams import CHAT, asking, whole
from tests.api.served import client_of, serving
from tests.limits.limited import Limited
from tests.limits.people import person

BROKEN = CallError(status=502, type="server_error", code="upstream_error", message="it broke")
KEPT = "SELECT options->>'cache_key' AS key FROM request WHERE id = $1"


async def keep(maker: Maker, name: str, *texts: str, number: int = 1) -> str:
    """Make a call and keep its answer, as a worker does; return its id."""
    call_id = await maker.answer(name, *texts, number=number)
    (row,) = await maker.db.fetch("SELECT outcome, options FROM request WHERE id = $1", call_id)
    outcome = CallOutcome.model_validate(row["outcome"])
    await result_cache.keep(maker.db, LOCAL_TENANT, row["options"]["cache_key"], call_id, outcome, 60)
    return call_id


async def test_the_same_again_is_a_hit_that_costs_nothing(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model("kept")
    making = asyncio.create_task(keep(maker, name, "kept ", "once"))
    first = await gate.post(CHAT, json=asking(name))
    call_id = await making
    second = await gate.post(CHAT, json=asking(name, user="another"))
    assert (first.headers["x-longhaul-cache"], second.headers["x-longhaul-cache"]) == ("MISS", "HIT")
    assert (first.headers["x-longhaul-cost"], second.headers["x-longhaul-cost"]) == ("250", "0")
    assert second.headers["x-longhaul-request-id"] == call_id
    assert first.json() == second.json()
    assert await maker.calls(name) == [call_id]


async def test_a_hit_is_streamed_in_the_original_chunks_with_usage(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model("kept")
    making = asyncio.create_task(keep(maker, name, "a", "b", "c"))
    first = await whole(gate, asking(name))
    await making
    second = await whole(gate, asking(name, stream_options={"include_usage": True}))
    assert second.response.headers["x-longhaul-cache"] == "HIT"
    assert [chunk["choices"] for chunk in second.chunks[:-1]] == [chunk["choices"] for chunk in first.chunks]
    assert second.chunks[-1]["usage"]["total_tokens"] == 18
    assert second.chunks[-1]["longhaul"]["cost_micros"] == 0


async def test_who_asks_meanwhile_follows_the_call_that_is_made(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model("kept")
    first = asyncio.create_task(gate.post(CHAT, json=asking(name)))
    call_id = await maker.call(name)
    others = [asyncio.create_task(gate.post(CHAT, json=asking(name))) for _ in range(3)]
    stream = asyncio.create_task(whole(gate, asking(name)))
    await keep(maker, name, "one ", "for all")
    answers = [await first, *[await other for other in others]]
    assert {answer.json()["choices"][0]["message"]["content"] for answer in answers} == {"one for all"}
    assert (await stream).texts == ["one ", "for all"]
    assert await maker.calls(name) == [call_id]


async def test_who_follows_anothers_call_is_counted(gate: httpx.AsyncClient, maker: Maker) -> None:
    name, who = model("kept"), await person(maker.db, "member")
    async with who.client(gate) as api:
        limited = Limited(who, api, gate, name)
        await limited.limit("requests", 1000)
        await limited.until_known()
        first = asyncio.create_task(gate.post(CHAT, json=asking(name)))
        call_id = await maker.call(name)
        before = (await limited.standing())["requests"]
        second = asyncio.create_task(api.post(CHAT, json=asking(name)))
        await maker.until_followed(call_id, 2)
        assert (await limited.standing())["requests"] == before + 1
        await keep(maker, name, "one ", "for both")
        assert (await first).json() == (await second).json()


async def test_when_the_call_that_is_followed_fails_each_makes_its_own(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model("kept")
    first = asyncio.create_task(gate.post(CHAT, json=asking(name)))
    call_id = await maker.call(name)
    second = asyncio.create_task(whole(gate, asking(name)))
    await maker.until_followed(call_id, 2)
    await maker.fail(call_id, BROKEN)
    assert (await first).status_code == 502
    own = await maker.answer(name, "after all", number=2)
    stream = await second
    assert stream.texts == ["after all"]
    assert stream.response.headers["x-longhaul-request-id"] == own
    assert stream.chunks[0]["id"].endswith(own.removeprefix("call_"))


@pytest.mark.parametrize(("directive", "label"), [("no-store", "BYPASS"), ("no-cache", "MISS"), ("max-age=0", "MISS")])
async def test_who_wants_no_kept_answer_gets_a_new_one(
    gate: httpx.AsyncClient, maker: Maker, directive: str, label: str
) -> None:
    name = model("kept")
    making = asyncio.create_task(keep(maker, name, "old"))
    await gate.post(CHAT, json=asking(name))
    await making
    again = asyncio.create_task(maker.answer(name, "new", number=2))
    answer = await gate.post(CHAT, json=asking(name), headers={"Cache-Control": directive})
    (row,) = await maker.db.fetch(KEPT, await again)
    assert answer.json()["choices"][0]["message"]["content"] == "new"
    assert answer.headers["x-longhaul-cache"] == label
    assert (row["key"] is None) is (directive == "no-store")


async def test_a_key_keeps_the_kept_answer_that_it_got(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model("kept")
    making = asyncio.create_task(keep(maker, name, "old"))
    await gate.post(CHAT, json=asking(name))
    call_id = await making
    key = {"Idempotency-Key": name}
    hit = await gate.post(CHAT, json=asking(name), headers=key)
    await maker.db.fetch("DELETE FROM cached_answer WHERE call_id = $1", call_id)
    replayed = await gate.post(CHAT, json=asking(name), headers=key)
    reused = await gate.post(CHAT, json=asking(name, seed=4), headers=key)
    assert hit.headers["x-longhaul-cache"] == "HIT"
    assert replayed.json() == hit.json()
    assert reused.status_code == 422
    assert await maker.calls(name) == [call_id]


@pytest.mark.parametrize(
    ("header", "wish"),
    [
        (None, CacheWish()),
        ("", CacheWish()),
        ("max-age=30", CacheWish(30)),
        ("Max-Age=30, max-age=5", CacheWish(5)),
        ('max-age="7"', CacheWish(7)),
        ("max-age=-1", CacheWish()),
        ("max-age=soon, only-if-cached", CacheWish()),
        ("no-cache, max-age=9", CacheWish(0)),
        ("no-cache, NO-STORE", None),
    ],
)
def test_cache_control_is_read_as_in_http(header: str | None, wish: CacheWish | None) -> None:
    assert wish_of(header, Route(name="m", cache_ttl_s=60)) == wish
    assert wish_of(header, Route(name="m")) is None


async def test_without_temporal_a_call_is_503_and_its_key_starts_it_later(
    gate_parts: Parts, gate: httpx.AsyncClient, maker: Maker, served_settings: Settings
) -> None:
    name = model("kept")
    key = {"Idempotency-Key": name}
    away = await client_of(served_settings, "127.0.0.1:9")
    async with serving(replace(gate_parts, temporal=away, reader=EventReader(gate_parts.database))) as alone:
        refused = await alone.post(CHAT, json=asking(name), headers=key)
    assert (refused.status_code, refused.json()["error"]["type"]) == (503, "server_error")
    assert int(refused.headers["retry-after"]) >= 1
    assert await maker.db.fetch("SELECT FROM cached_answer WHERE call_id = $1", await maker.call(name)) == []
    making = asyncio.create_task(maker.answer(name, "in the end"))
    answer = await gate.post(CHAT, json=asking(name), headers=key)
    assert answer.headers["x-longhaul-request-id"] == await making
    assert answer.json()["choices"][0]["message"]["content"] == "in the end"
