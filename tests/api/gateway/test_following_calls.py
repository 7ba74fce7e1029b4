"""Following a call by both ways of its answer, and what becomes of it when those who follow leave."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType as HistoryEvent
from temporalio.client import Client

from api.caller import Caller
from api.gateway import call_news, starting
from api.gateway.following import Asked, CacheUse, End, Following, Piece, Place, begin, follow
from api.gateway.problems import GatewayProblem
from api.gateway.starting import CallRef
from api.parts import Parts
from contracts.names import KIND, MODEL, OWNER
from domain.errors import NotFound
from domain.events import Event, EventType
from domain.gateway import CallError, CallOptions, CallOutcome
from services.storage import events
from services.storage.event_reader import EventReader
from services.storage.live import QUEUE_LIMIT, Finished
from services.storage.requests import IdempotencyKeyReused
from tests.api.gateway.maker import Json, Maker, model, said
from tests.workflows.product import eventually

ME = Caller("local")
BROKEN = CallError(status=502, type="server_error", code="upstream_error", message="it broke")
ANSWER = said("a", "b", "c", "d")


def asked(name: str, key: str | None = None, **options: Any) -> Asked:
    body = {"model": name, "messages": [{"role": "user", "content": "Hello"}]}
    return Asked("POST /v1/chat/completions", body, CallOptions(model=name, **options), idempotency_key=key)


async def heard(following: Following) -> tuple[list[Json], End]:
    """Follow to the end; return the chunks that came in pieces, and the end."""
    chunks: list[Json] = []
    async with following, aclosing(following.news()) as news:
        async for each in news:
            if isinstance(each, End):
                return chunks, each
            if isinstance(each, Piece):
                chunks += [dict(chunk) for chunk in each.chunks]
    raise AssertionError("no end")


async def cancel_asked(client: Client, call_id: str) -> bool:
    """Whether Temporal was asked to cancel a call."""
    history = await client.get_workflow_handle(call_id).fetch_history()
    return any(
        event.event_type == HistoryEvent.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED for event in history.events
    )


async def test_chunks_told_in_this_process_come_at_once_and_once(gate_parts: Parts, maker: Maker) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    maker.begun(following.call_id)
    for place, chunk in enumerate(ANSWER):
        maker.tell(following.call_id, [chunk], place)
    await maker.finish(following.call_id, ANSWER)
    chunks, end = await heard(following)
    assert chunks == list(ANSWER)
    assert (end.chunks, end.outcome.phase, following.cache) == (ANSWER, "done", CacheUse.BYPASS)


async def test_an_answer_made_in_another_process_comes_by_the_log(gate_parts: Parts, far_maker: Maker) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    await far_maker.store(following.call_id, ANSWER[:2])
    await far_maker.store(following.call_id, ANSWER[2:3], first=2)
    await far_maker.finish(following.call_id, ANSWER)
    chunks, end = await heard(following)
    assert chunks == list(end.chunks) == list(ANSWER)


@pytest.mark.parametrize("stored", [1, 3, 6])
async def test_who_joins_in_mid_answer_gets_the_beginning_from_the_log(
    gate_parts: Parts, maker: Maker, stored: int
) -> None:
    first = await begin(gate_parts, ME, asked(model()))
    maker.begun(first.call_id)
    maker.tell(first.call_id, ANSWER[:3])
    await maker.store(first.call_id, ANSWER[:stored])
    second = await follow(gate_parts, ME, first.call_id, Place())
    maker.tell(first.call_id, ANSWER[3:], first=3)
    await maker.finish(first.call_id, ANSWER)
    for following in (first, second):
        chunks, end = await heard(following)
        assert chunks == list(end.chunks) == list(ANSWER)


async def test_a_listener_that_was_too_slow_reads_the_log(gate_parts: Parts, maker: Maker) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    maker.begun(following.call_id)
    many = [{"choices": [{"index": 0, "delta": {"content": str(number)}}]} for number in range(QUEUE_LIMIT + 20)]
    for place, chunk in enumerate(many):
        maker.tell(following.call_id, [chunk], place)
    await maker.store(following.call_id, many)
    await maker.finish(following.call_id, many)
    chunks, _ = await heard(following)
    assert chunks == many


async def test_silence_in_mid_answer_is_mended_by_the_log(
    gate_parts: Parts, maker: Maker, far_maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_news, "SILENCE_S", 0.05)
    following = await begin(gate_parts, ME, asked(model()))
    maker.begun(following.call_id)
    maker.tell(following.call_id, ANSWER[:2])
    await far_maker.store(following.call_id, ANSWER[:5])
    await far_maker.finish(following.call_id, ANSWER)
    chunks, _ = await heard(following)
    assert chunks == list(ANSWER)


async def test_a_later_attempt_starts_anew(gate_parts: Parts, maker: Maker) -> None:
    following = await begin(gate_parts, ME, asked(model(), resets=True))
    maker.begun(following.call_id)
    maker.tell(following.call_id, ANSWER[:3])
    maker.begun(following.call_id)
    maker.tell(following.call_id, ANSWER, n=2)
    await maker.finish(following.call_id, ANSWER, attempt=2)
    async with following, aclosing(following.news()) as news:
        pieces = [each async for each in news if isinstance(each, Piece)]
    assert [(piece.n, piece.first, piece.chunks) for piece in pieces] == [(1, 0, ANSWER[:3]), (2, 0, ANSWER)]


@pytest.mark.parametrize("after", range(-1, 6))
async def test_a_call_that_has_ended_is_replayed_from_any_chunk(gate_parts: Parts, maker: Maker, after: int) -> None:
    name = model()
    following = await begin(gate_parts, ME, asked(name))
    await maker.answer(name, "a", "b", "c", "d")
    await heard(following)
    again = await follow(gate_parts, ME, following.call_id, Place(1, after))
    chunks, end = await heard(again)
    assert chunks == list(ANSWER[after + 1 :])
    assert end.chunks == ANSWER


async def test_who_has_a_part_of_an_attempt_that_failed_is_told_the_next_from_its_beginning(
    gate_parts: Parts, maker: Maker
) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    await maker.store(following.call_id, ANSWER[:3])
    await maker.store(following.call_id, ANSWER[:2], n=2)
    await maker.finish(following.call_id, ANSWER)
    await heard(following)
    async with await follow(gate_parts, ME, following.call_id, Place(1, 2)) as again, aclosing(again.news()) as news:
        pieces = [each async for each in news if isinstance(each, Piece)]
    assert {piece.n for piece in pieces} == {2}
    assert [chunk for piece in pieces for chunk in piece.chunks] == list(ANSWER)


async def test_a_failure_has_its_error(gate_parts: Parts, maker: Maker) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    await maker.fail(following.call_id, BROKEN)
    chunks, end = await heard(following)
    assert (chunks, end.chunks, end.outcome.error) == ([], (), BROKEN)


async def test_silence_is_told(gate_parts: Parts, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_news, "KEEP_ALIVE_S", 0.05)
    following = await begin(gate_parts, ME, asked(model()))
    async with following, aclosing(following.news()) as news:
        assert [await anext(news) for _ in range(2)] == [None, None]
        await maker.finish(following.call_id, ANSWER)
        last = [each async for each in news if each is not None]
    assert isinstance(last[-1], End)


async def test_a_call_whose_workflow_is_gone_ends(
    gate_parts: Parts, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_news, "KEEP_ALIVE_S", 0.05)
    following = await begin(gate_parts, ME, asked(model()))
    await client.get_workflow_handle(following.call_id).terminate()
    _, end = await heard(following)
    assert end.outcome.error is not None
    assert end.outcome.error.code == "call_lost"


async def test_leaving_early_cancels_the_call(gate_parts: Parts, client: Client) -> None:
    async with await begin(gate_parts, ME, asked(model())) as following:
        pass
    await eventually(lambda: cancel_asked(client, following.call_id))


@pytest.mark.parametrize("kept_by", ["key", "background", "another", "end"])
async def test_leaving_does_not_cancel_what_others_want(
    gate_parts: Parts, client: Client, maker: Maker, kept_by: str
) -> None:
    name = model()
    key = name if kept_by == "key" else None
    following = await begin(gate_parts, ME, asked(name, key, background=kept_by == "background"))
    call_id = following.call_id
    others = [await follow(gate_parts, ME, call_id, Place())] if kept_by == "another" else []
    async with following:
        if kept_by == "end":
            await maker.answer(name, "a")
            await following.end()
    for other in others:
        async with other:
            pass
    async with await begin(gate_parts, ME, asked(model())) as canary:
        pass
    await eventually(lambda: cancel_asked(client, canary.call_id))
    assert not await cancel_asked(client, call_id)


async def test_the_workflow_starts_once_with_what_was_asked(gate_parts: Parts, client: Client) -> None:
    name = model()
    async with await begin(gate_parts, ME, asked(name, key=name, priority=2)) as following:
        pass
    async with await begin(gate_parts, ME, asked(name, key=name, priority=2)) as again:
        assert again.call_id == following.call_id
    described = await client.get_workflow_handle(following.call_id).describe()
    assert described.workflow_type == "StepWorkflow"
    assert await described.static_summary() == "call"
    kept = described.typed_search_attributes
    assert [kept.get(key) for key in (KIND, MODEL, OWNER)] == ["call", name, "local"]


async def test_a_key_joins_a_running_call_and_replays_an_ended_one(gate_parts: Parts, maker: Maker) -> None:
    name = model()
    first = await begin(gate_parts, ME, asked(name, key=name))
    second = await begin(gate_parts, ME, asked(name, key=name))
    await maker.answer(name, "a", "b", "c", "d")
    third = await begin(gate_parts, ME, asked(name, key=name))
    for following in (first, second, third):
        chunks, _ = await heard(following)
        assert chunks == list(ANSWER)
    assert await maker.calls(name) == [first.call_id]
    assert [first.began_it, second.began_it, third.began_it] == [True, False, False]


async def test_a_key_with_another_body_is_refused(gate_parts: Parts) -> None:
    name = model()
    async with await begin(gate_parts, ME, asked(name, key=name)):
        other = asked(name, key=name)
        with pytest.raises(IdempotencyKeyReused):
            await begin(gate_parts, ME, replace(other, body={**other.body, "seed": 4}))


@pytest.mark.parametrize(("status", "again"), [(502, True), (503, True), (429, True), (400, False), (404, False)])
async def test_a_key_whose_call_failed_is_tried_again_only_where_that_may_help(
    gate_parts: Parts, maker: Maker, status: int, again: bool
) -> None:
    name = model()
    first = await begin(gate_parts, ME, asked(name, key=name))
    await maker.fail(first.call_id, BROKEN.model_copy(update={"status": status}))
    await heard(first)
    async with await begin(gate_parts, ME, asked(name, key=name)) as second:
        assert (second.call_id != first.call_id) is again


async def test_a_key_resumes_its_own_call_only(gate_parts: Parts, maker: Maker) -> None:
    name = model()
    first = await begin(gate_parts, ME, asked(name, key=name))
    await maker.answer(name, "a", "b", "c", "d")
    resumed = replace(asked(name, key=name), resumes=first.call_id, after=2)
    chunks, _ = await heard(await begin(gate_parts, ME, resumed))
    assert chunks == list(ANSWER[3:])
    async with await begin(gate_parts, ME, asked(model())) as other:
        for wrong in (replace(resumed, resumes=other.call_id), replace(resumed, idempotency_key=None)):
            with pytest.raises(GatewayProblem) as refused:
                await begin(gate_parts, ME, wrong)
            assert refused.value.error.status == 400


async def test_what_belongs_to_another_is_not_found(gate_parts: Parts) -> None:
    async with await begin(gate_parts, ME, asked(model())) as following:
        with pytest.raises(NotFound):
            await follow(gate_parts, Caller("stranger"), following.call_id, Place())


async def test_a_server_that_stops_ends_its_streams_and_not_the_calls(gate_parts: Parts, client: Client) -> None:
    reader = EventReader(gate_parts.database)
    await reader.start()
    parts = replace(gate_parts, reader=reader, live=None)
    following = await begin(parts, ME, asked(model()))
    ending = asyncio.create_task(heard(following))
    await asyncio.sleep(0)
    await reader.close()
    _, end = await ending
    assert end.outcome.error is not None
    assert end.outcome.error.status == 503
    assert not await cancel_asked(client, following.call_id)


async def test_a_log_that_cannot_be_read_ends_the_following(gate_parts: Parts, far_maker: Maker) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    data: Json = {"v": 1, "call_id": f"{following.call_id}/call/1/none", "first": 0, "chunks": [{}]}
    event = Event(source="call/x", source_seq=1, type=EventType.CALL_CHUNK, data=data)
    async with far_maker.db.transaction() as tx:
        await events.append(tx, following.call_id, [event])
    _, end = await heard(following)
    assert end.outcome.error is not None
    assert (end.outcome.error.status, end.outcome.error.code) == (500, "internal_error")


async def test_the_end_may_bring_its_answer_along(gate_parts: Parts) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    live = gate_parts.live
    assert live is not None
    live.tell(following.call_id, Finished(CallOutcome(phase="done"), chunks=ANSWER))
    chunks, end = await heard(following)
    assert chunks == list(end.chunks) == list(ANSWER)


async def test_an_answer_that_is_no_longer_kept_is_said_so(gate_parts: Parts, maker: Maker) -> None:
    name = model()
    following = await begin(gate_parts, ME, asked(name))
    await maker.answer(name, "x" * 5000)
    await heard(following)
    outcome = (await follow(gate_parts, ME, following.call_id, Place())).outcome
    assert outcome is not None
    assert outcome.answer is not None
    await gate_parts.database.fetch("DELETE FROM blob WHERE ref = $1", outcome.answer.ref)
    _, end = await heard(await follow(gate_parts, ME, following.call_id, Place()))
    assert end.outcome.error is not None
    assert end.outcome.error.code == "answer_gone"


async def test_a_call_that_ends_while_temporal_is_asked_for_its_workflow_is_not_lost(
    gate_parts: Parts, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = await begin(gate_parts, ME, asked(model()))
    call = CallRef(following.call_id, ME.owner)

    async def ends(_parts: Parts, call_id: str) -> bool:
        await maker.finish(call_id, ANSWER)
        return False

    async def is_gone(_parts: Parts, _call_id: str) -> bool:
        return False

    async with following:
        monkeypatch.setattr(starting, "_is_running", is_gone)
        assert await starting.is_lost(gate_parts, call)
        monkeypatch.setattr(starting, "_is_running", ends)
        assert not await starting.is_lost(gate_parts, call)
