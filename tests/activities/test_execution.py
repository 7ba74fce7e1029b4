"""One round of a generate step."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError

from domain.content import RESULT_LIMIT, Text
from domain.evaluation import Expectation
from services.llm.prompts import Task, prompt
from services.storage.views.calls import CallState
from tests.activities.stage import Stage, a_step, environment
from tests.llm.parts import event, of_type
from tests.llm.pooled import add_model


async def test_a_step_is_executed_and_passes_by_rule(stage: Stage) -> None:
    request = await stage.execute_input(events=(event(1, step_id="s1", round=1),))
    done = await environment().run(stage.execution.execute_step, request)
    assert done.text is not None
    assert "turtles" in str(done.text.text).lower()
    assert done.evaluation is not None
    assert done.evaluation.success
    assert done.error is None
    assert done.cost_micros > 0
    assert of_type(await stage.parts.log(request.facts.request_id), "step.started")


async def test_what_passes_is_left_to_the_model_where_the_step_wants_it(stage: Stage) -> None:
    done = await environment().run(stage.execution.execute_step, await stage.execute_input(a_step(evaluate="model")))
    assert done.text is not None
    assert done.evaluation is None


@pytest.mark.parametrize(
    ("fault", "expects", "adjust"),
    [
        ({"empty": True}, None, False),
        ({"refusal": True}, None, True),
        ({"answer": "no"}, Expectation(format="json"), False),
        ({"answer": "short"}, Expectation(min_chars=10), False),
        ({"finish_reason": "length"}, None, False),
    ],
)
async def test_a_rule_fails_what_is_not_good(
    stage: Stage, fault: dict[str, Any], expects: Expectation | None, *, adjust: bool
) -> None:
    await stage.sim.fault(**fault)
    step = a_step(evaluate="model", expects=expects)
    done = await environment().run(stage.execution.execute_step, await stage.execute_input(step))
    assert done.evaluation is not None
    assert (done.evaluation.success, done.evaluation.needs_adjustment) == (False, adjust)
    assert done.text is not None


TOO_LARGE = {"choices": [{"message": {"content": "x" * (RESULT_LIMIT + 1)}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("fault", "code", "adjust"),
    [
        ({"status": 400}, "model_rejected", True),
        ({"status": 404}, "model_rejected", True),
        ({"status": 401}, "model_credential_dead", False),
        ({"status": 200, "body": TOO_LARGE}, "model_answer_too_large", True),
    ],
)
async def test_what_no_retry_mends_comes_back_as_the_rounds_end(
    stage: Stage, fault: dict[str, Any], code: str, *, adjust: bool
) -> None:
    await stage.sim.fault(**fault)
    done = await environment().run(stage.execution.execute_step, await stage.execute_input())
    assert (done.error_code, done.text) == (code, None)
    assert done.evaluation is not None
    assert (done.evaluation.success, done.evaluation.needs_adjustment) == (False, adjust)


async def test_a_streamed_answer_over_two_mebibytes_is_cut_off_and_costs_no_more_than_was_asked_for(
    stage: Stage,
) -> None:
    await stage.sim.fault(match={"task": "step"}, preset="two_mib")
    request = await stage.execute_input()
    done = await environment().run(stage.execution.execute_step, request)
    assert (done.error_code, done.text) == ("model_answer_too_large", None)
    (row,) = await stage.parts.rows(request.facts.request_id)
    assert row.usage.output_tokens == prompt(Task.STEP).max_output_tokens


@pytest.mark.parametrize(
    ("fault", "kind"),
    [({"status": 429, "headers": {"retry-after": "4"}}, "ModelThrottled"), ({"status": 500}, "ModelUnavailable")],
)
async def test_what_a_retry_may_mend_is_raised(stage: Stage, fault: dict[str, Any], kind: str) -> None:
    await stage.sim.fault(**fault)
    with pytest.raises(ApplicationError) as caught:
        await environment().run(stage.execution.execute_step, await stage.execute_input())
    assert (caught.value.type, caught.value.non_retryable) == (kind, False)
    assert caught.value.next_retry_delay == (timedelta(seconds=4) if kind == "ModelThrottled" else None)


@pytest.mark.parametrize(
    "info",
    [
        {"attempt": 12},
        {"scheduled_time": datetime.now(UTC) - timedelta(seconds=300)},
    ],
)
async def test_the_last_failure_comes_back_as_the_rounds_end(stage: Stage, info: dict[str, Any]) -> None:
    await stage.sim.fault(status=503)
    done = await environment(**info).run(stage.execution.execute_step, await stage.execute_input())
    assert done.error_code == "model_unavailable"
    assert done.evaluation is not None


async def test_the_steps_own_time_ends_the_round(stage: Stage) -> None:
    await stage.sim.fault(hang_after=2)
    done = await environment().run(stage.execution.execute_step, await stage.execute_input(a_step(timeout_s=1.0)))
    assert done.error_code == "timeout"
    assert done.evaluation is not None
    assert not done.evaluation.needs_adjustment
    assert done.cost_micros > 0


async def test_no_budget_is_the_rounds_end_and_asks_nobody(stage: Stage) -> None:
    done = await environment().run(stage.execution.execute_step, await stage.execute_input(grant_micros=1))
    assert done.error_code == "budget_exhausted"
    assert not await stage.sim.calls()


async def test_a_cancel_reaches_the_model_within_two_seconds(stage: Stage) -> None:
    await stage.sim.fault(hang_after=2)
    request = await stage.execute_input()
    env = environment()
    running = asyncio.ensure_future(env.run(stage.execution.execute_step, request))
    await _sent(stage)
    began = time.monotonic()
    env.cancel()
    done = await running
    assert time.monotonic() - began < 2
    assert done.error_code == "cancelled"
    assert done.cost_micros > 0
    (row,) = await stage.parts.rows(request.facts.request_id)
    assert (row.state, row.cost_micros) == (CallState.FAILED, done.cost_micros)


async def test_a_stopping_worker_leaves_the_round_to_another(stage: Stage) -> None:
    await stage.sim.fault(times=1, hang_after=2)
    request = await stage.execute_input()
    env = environment()
    running = asyncio.ensure_future(env.run(stage.execution.execute_step, request))
    await _sent(stage)
    env.cancel(ActivityCancellationDetails(worker_shutdown=True))
    with pytest.raises(ApplicationError) as caught:
        await running
    assert (caught.value.type, caught.value.non_retryable) == ("Unavailable", False)
    done = await environment(attempt=2).run(stage.execution.execute_step, request)
    assert done.error is None
    rows = await stage.parts.rows(request.facts.request_id)
    assert done.cost_micros == sum(row.cost_micros for row in rows)


async def test_a_silent_model_does_not_stop_the_heartbeats(stage: Stage) -> None:
    await stage.sim.fault(delay_s=2.3)
    beats: list[float] = []
    env = environment()
    env.on_heartbeat = lambda *_: beats.append(time.monotonic())
    await env.run(stage.execution.execute_step, await stage.execute_input())
    assert len(beats) == 2
    before = len(beats)
    await asyncio.sleep(0)
    assert len(beats) == before


async def test_inputs_are_given_cut_and_feedback_too(stage: Stage) -> None:
    await stage.sim.fault(match={"contains": "z" * (24 * 1024 + 1)}, status=400)
    await stage.sim.fault(match={"contains": "say more"}, answer="seen")
    inputs = {"s0": await stage.parts.put("z" * 2_000_000), "s9": Text.inline("little")}
    request = await stage.execute_input(inputs=inputs, feedback="say more")
    done = await environment().run(stage.execution.execute_step, request)
    assert done.text == Text.inline("seen")


@pytest.mark.parametrize("with_message", [True, False])
async def test_the_message_is_given_only_where_it_is_wanted(stage: Stage, *, with_message: bool) -> None:
    await stage.sim.fault(match={"contains": "xylophone"}, answer="seen")
    facts = await stage.facts("Tell me about the xylophone.")
    request = await stage.execute_input(facts=facts, with_message=with_message)
    done = await environment().run(stage.execution.execute_step, request)
    assert (done.text == Text.inline("seen")) is with_message


async def test_the_step_chooses_its_model(stage: Stage) -> None:
    another = f"{stage.sim.model}-another"
    await add_model(stage.parts.db, another, stage.sim.base_url)
    await stage.parts.catalogue.refresh()
    request = await stage.execute_input(a_step(model=another))
    await environment().run(stage.execution.execute_step, request)
    assert (await stage.parts.rows(request.facts.request_id))[0].model == another


async def test_a_model_that_the_owner_may_not_use_ends_the_round(stage: Stage) -> None:
    others = f"{stage.sim.model}-of-others"
    await add_model(stage.parts.db, others, stage.sim.base_url, owners=frozenset({"others"}))
    await stage.parts.catalogue.refresh()
    request = await stage.execute_input(a_step(model=others))
    done = await environment().run(stage.execution.execute_step, request)
    assert (done.error_code, done.cost_micros) == ("model_not_found", 0)
    assert await stage.parts.rows(request.facts.request_id) == []


async def _sent(stage: Stage) -> None:
    async with asyncio.timeout(5):
        while not await stage.sim.calls():
            await asyncio.sleep(0.02)
