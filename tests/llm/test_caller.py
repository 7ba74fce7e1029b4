"""The journaled call: once asked, once paid, its end on record."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from domain.budget import affordable_output, cost
from domain.errors import BudgetExhausted, ModelRejected, ModelUnavailable, ModelUnknown, NotFound, Unavailable
from domain.model_pool import Dialect
from runtime.local.ports import free_port
from runtime.settings import PROJECT_ROOT
from services.llm import closing
from services.llm.assignment import CallFailed
from services.llm.course import Course
from services.llm.errors import ModelTimedOut
from services.llm.opening import OpenCall, open_call
from services.llm.pool.port import UNUSED, LeaseEnd, Need
from services.storage import journal
from services.storage.database import Database
from services.storage.journal import CallKey, Sent
from services.storage.views.calls import CallState
from tests.llm.parts import OWNER, Parts, assignment, chat_request, collect, composing, event, of_type
from tests.llm.pooled import PRICE, add_model


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(8):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_a_call_is_journaled_paid_and_streamed(parts: Parts) -> None:
    request_id = await parts.new_request()
    work = assignment(request_id, events=(event(1, step_id="s1", round=1),))
    result = await parts.caller.call(work, composing(chat_request(parts.sim.model)))
    await parts.writer.settle(f"{request_id}/s1/1/1")
    log, (row,) = await parts.log(request_id), await parts.rows(request_id)
    assert result.cost_micros == cost(result.usage, PRICE) > 0
    assert (row.state, row.cost_micros, row.model) == (CallState.FINISHED, result.cost_micros, parts.sim.model)
    assert [entry.type.value for entry in log][:2] == ["request.accepted", "step.started"]
    assert "".join(data["text"] for data in of_type(log, "text.delta")) == result.text
    (spent,) = of_type(log, "cost")
    assert (spent["step_id"], spent["call_id"], spent["micros"]) == ("s1", row.id, result.cost_micros)
    assert (await parts.sim.calls())[0]["idempotency_key"] == row.id


async def test_a_quick_answers_text_precedes_its_end_in_the_log(parts: Parts) -> None:
    for _ in range(5):
        request_id = await parts.new_request()
        await parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model)))
        kinds = [entry.type.value for entry in await parts.log(request_id)]
        assert kinds[-1] == "cost"
        assert "text.delta" in kinds


async def test_a_finished_call_is_never_sent_again(parts: Parts) -> None:
    request_id = await parts.new_request()
    compose = composing(chat_request(parts.sim.model))
    first = await parts.caller.call(assignment(request_id), compose)
    again = await parts.another_process().call(assignment(request_id), compose)
    assert again.replayed
    assert (again.text, again.cost_micros, again.usage) == (first.text, first.cost_micros, first.usage)
    assert len(await parts.sim.calls()) == 1
    assert len(of_type(await parts.log(request_id), "cost")) == 1


async def test_a_long_answer_comes_back_whole_from_the_journal(parts: Parts) -> None:
    await parts.sim.fault(repeat_bytes=300_000)
    request_id = await parts.new_request()
    compose = composing(chat_request(parts.sim.model, max_output_tokens=200_000))
    first = await parts.caller.call(assignment(request_id), compose)
    again = await parts.caller.call(assignment(request_id), compose)
    assert first.stored.ref is not None
    assert again.text == first.text
    assert len(again.text) == 300_000


async def test_the_coordinators_calls_do_not_stream(parts: Parts) -> None:
    request_id = await parts.new_request()
    work = assignment(request_id, key=CallKey(request_id, "@plan", 1), streams=False)
    await parts.caller.call(work, composing(chat_request(parts.sim.model)))
    log = await parts.log(request_id)
    assert not of_type(log, "text.delta")
    assert of_type(log, "cost")[0]["step_id"] is None


async def test_a_killed_call_is_closed_by_evidence_and_asked_again_with_a_reset(
    parts: Parts, database_url: str
) -> None:
    await parts.sim.fault(times=1, hang_after=4)
    request_id = await parts.new_request()
    compose = composing(chat_request(parts.sim.model))
    module = (sys.executable, "-m", "tests.llm.one_call")
    doomed = await asyncio.create_subprocess_exec(*module, database_url, parts.sim.model, request_id, cwd=PROJECT_ROOT)

    async def text_came() -> bool:
        return bool(of_type(await parts.log(request_id), "text.delta"))

    await until(text_came)
    doomed.kill()
    await doomed.wait()

    result = await parts.caller.call(assignment(request_id), compose)

    await parts.writer.settle(f"{request_id}/s1/1/2")
    lost, finished = await parts.rows(request_id)
    log = await parts.log(request_id)
    assert (lost.state, finished.state, finished.n) == (CallState.LOST, CallState.FINISHED, 2)
    assert lost.usage.estimated
    assert lost.usage.output_tokens > 0
    assert result.cost_micros == lost.cost_micros + finished.cost_micros
    assert sorted(data["micros"] for data in of_type(log, "cost")) == sorted([lost.cost_micros, finished.cost_micros])
    kinds = [entry.type.value for entry in log if entry.type.value.startswith("text.")]
    assert kinds[:2] == ["text.delta", "text.reset"]
    after = log[[entry.type.value for entry in log].index("text.reset") :]
    assert "".join(data["text"] for data in of_type(after, "text.delta")) == result.text
    again = await parts.caller.call(assignment(request_id), compose)
    assert again.cost_micros == result.cost_micros


async def test_a_failure_is_journaled_with_what_was_used_and_the_next_attempt_counts_it(parts: Parts) -> None:
    await parts.sim.fault(times=1, cut_stream_after=3)
    request_id = await parts.new_request()
    compose = composing(chat_request(parts.sim.model))
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(assignment(request_id), compose)
    assert type(caught.value.error) is ModelUnavailable
    (failed,) = await parts.rows(request_id)
    assert (failed.state, failed.error_code) == (CallState.FAILED, "model_unavailable")
    assert caught.value.cost_micros == failed.cost_micros > 0
    result = await parts.caller.call(assignment(request_id), compose)
    assert result.cost_micros == failed.cost_micros + cost(result.usage, PRICE)


async def test_what_was_refused_costs_nothing(parts: Parts) -> None:
    await parts.sim.fault(status=400)
    request_id = await parts.new_request()
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model)))
    assert type(caught.value.error) is ModelRejected
    assert caught.value.cost_micros == 0
    assert not of_type(await parts.log(request_id), "cost")


async def test_the_calls_own_time_ends_it(parts: Parts) -> None:
    await parts.sim.fault(hang=True)
    request_id = await parts.new_request()
    request = chat_request(parts.sim.model, timeout_s=0.3)
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(assignment(request_id), composing(request))
    assert type(caught.value.error) is ModelTimedOut


async def test_a_cancelled_call_ends_at_once_and_says_what_it_used(parts: Parts) -> None:
    await parts.sim.fault(hang_after=3)
    request_id = await parts.new_request()
    call = asyncio.create_task(parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model))))

    async def text_came() -> bool:
        return bool(of_type(await parts.log(request_id), "text.delta"))

    await until(text_came)
    call.cancel()
    async with asyncio.timeout(2):
        result = await call
    (row,) = await parts.rows(request_id)
    assert result.cancelled
    assert (row.state, row.error_code, row.cost_micros) == (CallState.FAILED, "cancelled", result.cost_micros)
    assert row.usage.output_tokens > 0
    assert of_type(await parts.log(request_id), "cost")[0]["micros"] == result.cost_micros

    async def disconnected() -> bool:
        return bool((await parts.sim.calls())[0]["aborted"])

    await until(disconnected)


async def test_a_call_cancelled_before_it_was_sent_is_never_sent(parts: Parts) -> None:
    request_id = await parts.new_request()
    call = asyncio.create_task(parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model))))
    await asyncio.sleep(0)
    call.cancel()
    result = await call
    assert (result.cancelled, result.cost_micros) == (True, 0)
    assert not await parts.sim.calls()


async def test_an_answer_of_a_call_that_somebody_closed_is_not_used(parts: Parts) -> None:
    await parts.sim.fault(times=1, delay_s=0.5)
    request_id = await parts.new_request()
    compose = composing(chat_request(parts.sim.model))
    slow = asyncio.create_task(parts.caller.call(assignment(request_id), compose))

    async def sent() -> bool:
        return bool(await parts.sim.calls())

    await until(sent)
    result = await parts.another_process().call(assignment(request_id), compose)
    with pytest.raises(Unavailable):
        await slow
    assert [row.state for row in await parts.rows(request_id)] == [CallState.LOST, CallState.FINISHED]
    assert (await parts.caller.call(assignment(request_id), compose)).text == result.text


async def test_a_grant_bounds_the_answer(parts: Parts) -> None:
    request_id = await parts.new_request()
    request = chat_request(parts.sim.model)
    grant = request.input_tokens + 2 * 20
    result = await parts.caller.call(assignment(request_id, grant_micros=grant), composing(request))
    assert affordable_output(grant, request.input_tokens, PRICE, 1000) == 20
    assert result.usage.output_tokens <= 20
    assert result.cost_micros <= grant


async def test_a_grant_that_pays_for_no_answer_asks_nobody(parts: Parts) -> None:
    request_id = await parts.new_request()
    request = chat_request(parts.sim.model)
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(assignment(request_id, grant_micros=request.input_tokens + 2 * 15), composing(request))
    assert type(caught.value.error) is BudgetExhausted
    assert not await parts.sim.calls()
    (row,) = await parts.rows(request_id)
    assert (row.state, row.error_code) == (CallState.FAILED, "budget_exhausted")


async def test_all_attempts_together_stay_within_the_grant(parts: Parts) -> None:
    await parts.sim.fault(wrong_usage="huge", cut_stream_after=5)
    request_id = await parts.new_request()
    request = chat_request(parts.sim.model)
    grant = 3 * request.input_tokens
    errors: list[CallFailed] = []
    for _ in range(6):
        with pytest.raises(CallFailed) as caught:
            await parts.caller.call(assignment(request_id, grant_micros=grant), composing(request))
        errors.append(caught.value)
    spent = errors[-1].cost_micros
    assert type(errors[0].error) is ModelUnavailable
    assert type(errors[-1].error) is BudgetExhausted
    assert [error.cost_micros for error in errors] == sorted(error.cost_micros for error in errors)
    assert 0 < spent <= grant
    assert spent == sum(row.cost_micros for row in await parts.rows(request_id))


async def test_an_unknown_request_is_not_found_and_nobody_is_asked(parts: Parts) -> None:
    with pytest.raises(NotFound):
        await parts.caller.call(assignment("req_" + "0" * 32), composing(chat_request(parts.sim.model)))
    assert not await parts.sim.calls()


async def test_rounds_and_slots_are_calls_of_their_own(parts: Parts) -> None:
    request_id = await parts.new_request()
    compose = composing(chat_request(parts.sim.model))
    work = assignment(request_id)
    for key in (work.key, replace(work.key, round=2), replace(work.key, slot="s1@evaluate")):
        assert not (await parts.caller.call(replace(work, key=key), compose)).replayed
    assert len(await parts.sim.calls()) == 3


async def test_a_lost_call_of_another_slot_stays_open(parts: Parts) -> None:
    request_id = await parts.new_request()
    async with parts.db.transaction() as tx:
        sent = Sent(model=parts.sim.model, input_tokens=5, process="other", price=PRICE)
        await journal.begin(tx, CallKey(request_id, "s2", 1), sent)
    await parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model)))
    assert {row.slot: row.state for row in await parts.rows(request_id)} == {
        "s1": CallState.FINISHED,
        "s2": CallState.OPEN,
    }


async def test_an_answer_is_held_while_the_database_is_away(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "STORE_WITHIN_S", 0.5)
    request_id = await parts.new_request()
    request = chat_request(parts.sim.model)
    work = assignment(request_id)
    granted = await parts.pool.take(Need(call_id=request_id, model=parts.sim.model, owner=OWNER))
    opened = await open_call(parts.db, work, request, granted, "test")
    assert isinstance(opened, OpenCall)
    answer = await collect(parts.adapters[Dialect.OPENAI], parts.target(), request)
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await closing.Books(away).keep(Course(work, 5.0), opened, answer)
    assert time.monotonic() - began > 0.2
    await parts.pool.settle(granted, LeaseEnd(UNUSED))
    await away.close()


async def test_what_goes_before_a_call_is_recorded_though_nobody_can_be_asked(parts: Parts) -> None:
    request_id, others = await parts.new_request(), f"{parts.sim.model}-of-others"
    await add_model(parts.db, others, parts.sim.base_url, owners=frozenset({"others"}))
    await parts.catalogue.refresh()
    work = assignment(request_id, events=(event(1, step_id="s1", round=1),))
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(work, composing(chat_request(others)))
    assert type(caught.value.error) is ModelUnknown
    assert [entry.type.value for entry in await parts.log(request_id)] == ["request.accepted", "step.started"]
