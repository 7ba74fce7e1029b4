"""What is paid of calls that end badly, and how a grant bounds calls of every kind."""

import asyncio
from typing import Any

import pytest

from domain.budget import Usage, cost
from domain.errors import BudgetExhausted, ModelError
from domain.sizes import plain_input_tokens
from services.llm.assignment import CallFailed
from services.llm.chat import PlainRequest
from tests.llm.parts import Parts, assignment, chat_request, composing
from tests.llm.pooled import PRICE
from tests.storage.samples import until


@pytest.mark.parametrize("fault", [{"cut_stream_after": 0}, {"hang_after": 0}, {"hang": True}, {"status": 500}])
async def test_no_output_and_an_abnormal_end_costs_nothing(parts: Parts, fault: dict[str, Any]) -> None:
    await parts.sim.fault(**fault)
    request_id = await parts.new_request()
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model, timeout_s=0.5)))
    assert isinstance(caught.value.error, ModelError)
    assert caught.value.cost_micros == 0
    assert all(row.cost_micros == 0 for row in await parts.rows(request_id))


async def test_a_call_cancelled_in_silence_costs_nothing(parts: Parts) -> None:
    await parts.sim.fault(hang=True)
    request_id = await parts.new_request()
    call = asyncio.create_task(parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model))))

    async def arrived() -> bool:
        return bool(await parts.sim.calls())

    await until(arrived)
    call.cancel()
    result = await call
    assert (result.cancelled, result.cost_micros) == (True, 0)


async def test_a_call_without_usage_is_paid_by_the_text_delivered(parts: Parts) -> None:
    await parts.sim.fault(repeat_bytes=3000, cut_stream_after=4, times=1)
    request_id = await parts.new_request()
    request = chat_request(parts.sim.model)
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(assignment(request_id), composing(request))
    (row,) = await parts.rows(request_id)
    assert row.usage.estimated
    assert (row.usage.input_tokens, row.usage.output_tokens > 8) == (request.input_tokens, True)
    assert caught.value.cost_micros == cost(row.usage, PRICE)


async def test_embeddings_are_made_within_their_grant_or_not_at_all(parts: Parts) -> None:
    body = {"input": "the moon and the stars"}
    paid = cost(Usage(input_tokens=plain_input_tokens(body)), PRICE)
    request = PlainRequest(parts.sim.model, body, 5.0)
    result = await parts.caller.call(assignment(await parts.new_request(), grant_micros=paid), composing(request))
    assert 0 < result.cost_micros <= paid
    with pytest.raises(CallFailed) as caught:
        await parts.caller.call(assignment(await parts.new_request(), grant_micros=paid - 1), composing(request))
    assert isinstance(caught.value.error, BudgetExhausted)


async def test_a_completion_is_held_to_what_it_was_reckoned_with(parts: Parts) -> None:
    body = {"prompt": "2 + 2 is"}
    paid = cost(Usage(input_tokens=plain_input_tokens(body), output_tokens=16), PRICE)
    request = PlainRequest(parts.sim.model, body, 5.0)
    result = await parts.caller.call(assignment(await parts.new_request(), grant_micros=paid), composing(request))
    assert 0 < result.cost_micros <= paid


async def test_several_answers_share_a_grant(parts: Parts) -> None:
    request = chat_request(parts.sim.model)
    several = type(request)(request.model, {**request.body, "n": 3}, 1000, 5.0)
    grant = several.input_tokens + 2 * 3 * 20
    await parts.sim.fault(wrong_usage={"prompt_tokens": 10, "completion_tokens": 5000, "total_tokens": 5010})
    result = await parts.caller.call(assignment(await parts.new_request(), grant_micros=grant), composing(several))
    assert result.cost_micros <= grant
