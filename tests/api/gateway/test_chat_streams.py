"""Chats as streams: the chunks as they came, the end, the errors, and coming back after a break."""

import asyncio

import httpx
import pytest
from temporalio.client import Client

from api.gateway import call_news
from domain.gateway import CallError
from tests.api.gateway.maker import ROUTING, Maker, model, said
from tests.api.gateway.streams import CHAT, asking, followed, streaming, whole
from tests.api.gateway.test_following_calls import cancel_asked
from tests.workflows.product import eventually

FULL = CallError(
    status=429, type="rate_limit_error", code="rate_limit_exceeded", message="no account is free", retry_after_s=1.2
)
BROKEN = CallError(status=502, type="server_error", code="upstream_error", message="it broke")


async def test_a_stream_has_the_chunks_of_the_api(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    making = asyncio.create_task(maker.answer(name, "Good ", "day"))
    stream = await whole(gate, asking(name))
    call_id = await making
    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["cache-control"] == "no-cache, no-transform"
    assert stream.response.headers["x-accel-buffering"] == "no"
    assert stream.response.headers["x-longhaul-request-id"] == call_id
    assert stream.is_done
    assert stream.texts == ["Good ", "day"]
    assert [chunk["choices"] for chunk in stream.chunks] == [chunk["choices"] for chunk in said("Good ", "day")]
    heads = {(chunk["id"], chunk["object"], chunk["model"]) for chunk in stream.chunks}
    assert heads == {(f"chatcmpl-{call_id.removeprefix('call_')}", "chat.completion.chunk", name)}
    assert len({chunk["created"] for chunk in stream.chunks}) == 1
    assert not any("usage" in chunk or "longhaul" in chunk for chunk in stream.chunks)
    assert stream.ids == [f"{call_id}:1.{number}" for number in range(4)]


async def test_usage_comes_in_a_last_chunk_for_those_who_ask(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    making = asyncio.create_task(maker.answer(name, "Good day"))
    stream = await whole(gate, asking(name, stream_options={"include_usage": True}))
    await making
    *chunks, last = stream.chunks
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    told = last["longhaul"]
    assert (told["cost_micros"], told["attempts"], told["account"]) == (250, 1, "sim-a")
    assert (told["deployment"], told["first_token_ms"], told["cache"]) == ("sim-a-1", 5, "BYPASS")
    assert stream.is_done


async def test_chunks_come_while_the_answer_is_made(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    answer = said("one", "two", "three")

    async def make_half() -> str:
        call_id = await maker.call(name)
        maker.begun(call_id)
        maker.tell(call_id, answer[:3])
        return call_id

    making = asyncio.create_task(make_half())
    async with streaming(gate, asking(name)) as stream:
        await stream.read(3)
        assert stream.texts == ["one", "two"]
        await maker.finish(await making, answer)
        await stream.read()
        assert stream.texts == ["one", "two", "three"]


async def test_the_log_alone_makes_the_same_stream(far_gate: httpx.AsyncClient, far_maker: Maker) -> None:
    name = model()
    answer = said("one", "two", "three")

    async def make() -> None:
        call_id = await far_maker.call(name)
        await far_maker.store(call_id, answer[:2])
        await far_maker.store(call_id, answer[2:4], first=2)
        await far_maker.finish(call_id, answer)

    making = asyncio.create_task(make())
    stream = await whole(far_gate, asking(name))
    await making
    assert stream.texts == ["one", "two", "three"]
    assert [event.rpartition(".")[2] for event in stream.ids] == ["0", "1", "2", "3", "4"]
    assert stream.is_done


async def test_odd_texts_arrive_as_they_are(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    odd = ["a\nb\r\n\u2028c", 'quote " and \\', "Xin chào 你好 😀", "data: [DONE]\n\n", "\x01"]
    making = asyncio.create_task(maker.answer(name, *odd))
    stream = await whole(gate, asking(name))
    await making
    assert stream.texts == odd


async def test_half_a_character_is_passed_on_as_an_escape(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()

    async def make() -> None:
        call_id = await maker.call(name)
        maker.begun(call_id)
        maker.tell(call_id, said("\ud83d", "\ude00"))
        await maker.finish(call_id, said("\ud83d\ude00"))

    making = asyncio.create_task(make())
    stream = await whole(gate, asking(name))
    await making
    assert stream.texts == ["\ud83d", "\ude00"]


async def test_an_error_before_the_first_token_keeps_its_status(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()

    async def make() -> None:
        await maker.fail(await maker.call(name), FULL)

    making = asyncio.create_task(make())
    answer = await gate.post(CHAT, json=asking(name, stream=True))
    await making
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["retry-after-ms"] == "1200"
    assert answer.headers["content-type"] == "application/json"
    error = {"message": "no account is free", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    assert answer.json() == {"error": error}


async def test_an_error_after_the_first_token_ends_the_stream_without_done(
    gate: httpx.AsyncClient, maker: Maker
) -> None:
    name = model()

    async def make() -> None:
        call_id = await maker.call(name)
        maker.begun(call_id)
        maker.tell(call_id, said("half an")[:2])
        await maker.fail(call_id, BROKEN)

    making = asyncio.create_task(make())
    stream = await whole(gate, asking(name))
    await making
    assert stream.texts == ["half an"]
    assert not stream.is_done
    assert stream.chunks[-1]["error"]["code"] == "upstream_error"


async def test_a_long_silence_is_200_with_comments_and_errors_are_events_then(
    gate: httpx.AsyncClient, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_news, "KEEP_ALIVE_S", 0.05)
    name = model()
    async with streaming(gate, asking(name)) as stream:
        assert stream.response.status_code == 200
        await maker.fail(await maker.call(name), FULL)
        await stream.read()
    assert stream.comments >= 1
    assert [chunk["error"]["code"] for chunk in stream.chunks] == ["rate_limit_exceeded"]
    assert not stream.is_done


async def make_twice(maker: Maker, name: str) -> None:
    """Break off after a token, and answer by a second attempt."""
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, said("wrong")[:2])
    maker.begun(call_id)
    for place, chunk in enumerate(said("right")):
        maker.tell(call_id, [chunk], place, n=2)
    await maker.finish(call_id, said("right"), attempt=2)


async def test_who_understands_resets_is_told_one_and_the_text_anew(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    making = asyncio.create_task(make_twice(maker, name))
    stream = await whole(gate, asking(name, longhaul={"resets": True}))
    await making
    resets = [place for place, chunk in enumerate(stream.chunks) if chunk.get("longhaul") == {"reset": True}]
    assert len(resets) == 1
    assert stream.texts == ["wrong", "right"]
    assert stream.chunks[resets[0] + 2]["choices"][0]["delta"] == {"content": "right"}
    assert stream.is_done


async def test_who_does_not_gets_an_error_and_never_doubled_text(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    making = asyncio.create_task(make_twice(maker, name))
    stream = await whole(gate, asking(name))
    await making
    assert stream.texts == ["wrong"]
    assert stream.chunks[-1]["error"]["code"] == "answer_broken_off"
    assert not stream.is_done


@pytest.mark.parametrize("cut", range(1, 7))
async def test_a_cut_stream_goes_on_after_the_last_event(gate: httpx.AsyncClient, maker: Maker, cut: int) -> None:
    name = model()
    answer = said("a", "b", "c", "d")
    key = {"Idempotency-Key": name}

    async def make() -> None:
        call_id = await maker.call(name)
        maker.begun(call_id)
        maker.tell(call_id, answer[:cut])
        await maker.store(call_id, answer[:cut])

    making = asyncio.create_task(make())
    async with streaming(gate, asking(name), key) as first:
        await first.read(cut)
    await making
    call_id = await maker.call(name)
    finishing = asyncio.create_task(maker.finish(call_id, answer))
    second = await whole(gate, asking(name), {**key, "Last-Event-ID": first.ids[-1]})
    await finishing
    assert first.texts + second.texts == ["a", "b", "c", "d"]
    assert first.ids + second.ids == [f"{call_id}:1.{number}" for number in range(6)]
    assert second.is_done
    assert await maker.calls(name) == [call_id]


async def test_a_call_can_be_followed_by_its_id(gate: httpx.AsyncClient, maker: Maker) -> None:
    name = model()
    making = asyncio.create_task(maker.answer(name, "a", "b"))
    first = await whole(gate, asking(name))
    call_id = await making
    again = await followed(gate, call_id)
    assert [data for data in again.chunks if data["choices"]] == [{**chunk, "usage": None} for chunk in first.chunks]
    rest = await followed(gate, call_id, {"Last-Event-ID": first.ids[1]})
    assert rest.texts == ["b"]
    assert rest.chunks[-1]["longhaul"]["deployment"] == ROUTING.deployment


async def test_a_client_that_goes_away_cancels_its_call(gate: httpx.AsyncClient, maker: Maker, client: Client) -> None:
    name = model()
    answering = asyncio.create_task(start_answering(maker, name))
    async with streaming(gate, asking(name)) as stream:
        await stream.read(1)
    call_id = await answering
    await eventually(lambda: cancel_asked(client, call_id))


async def test_a_client_that_goes_away_before_any_news_cancels_its_call(
    gate: httpx.AsyncClient, maker: Maker, client: Client
) -> None:
    for stream in (True, False):
        name = model()
        asked = asyncio.create_task(gate.post(CHAT, json=asking(name, stream=stream)))
        call_id = await maker.call(name)
        asked.cancel()
        await asyncio.wait({asked})
        await eventually(lambda call_id=call_id: cancel_asked(client, call_id))  # type: ignore[misc]  # the loop's own


async def start_answering(maker: Maker, name: str) -> str:
    """Tell the first chunks of an answer."""
    call_id = await maker.call(name)
    maker.begun(call_id)
    maker.tell(call_id, said("a")[:2])
    return call_id
