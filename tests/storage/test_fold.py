from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotFound
from domain.request import Phase
from domain.step import StepStatus
from services.storage import views
from services.storage.database import Database
from services.storage.views.plans import plan
from services.storage.views.requests import RequestView, get
from services.storage.views.steps import StepView
from tests.storage import stories
from tests.storage.samples import OWNER, accepted, append, event, new_id, phase


async def _request(db: Database, request_id: str) -> RequestView:
    async with db.transaction() as tx:
        return await get(tx, OWNER, request_id)


async def _steps(db: Database, request_id: str) -> dict[str, StepView]:
    async with db.transaction() as tx:
        return {view.step.id: view for view in (await plan(tx, OWNER, request_id)).steps}


async def test_a_whole_life_is_folded(db: Database) -> None:
    request_id = await accepted(db)
    stored = await append(db, request_id, *stories.whole_life())
    view = await _request(db, request_id)
    assert (view.phase, view.outcome, view.finished_at) == (Phase.DONE, stories.OUTCOME, stored[-1].at)
    assert (view.cost_micros, view.language, view.plan_version) == (30, "fr", 2)
    assert view.processed_input is not None
    assert view.processed_input.intent == "report"
    assert (view.questions, view.approvals) == ((), ())
    first, second = (await _steps(db, request_id)).values()
    assert (first.status, first.round, first.feedback, first.child) == (
        StepStatus.SUCCEEDED,
        2,
        "too short",
        "child-id",
    )
    assert (first.cost_micros, first.result) == (17, stories.ANSWER)
    assert (second.status, second.round, second.note) == (StepStatus.ACCEPTED, 4, "not so good")


async def test_open_questions_and_approvals_are_shown_until_decided(db: Database) -> None:
    request_id = await accepted(db)
    await append(db, request_id, *stories.until_running()[:-2], stories.asked())
    view = await _request(db, request_id)
    assert (view.questions, view.approvals) == ((stories.QUESTION,), (stories.APPROVAL,))
    assert (await _steps(db, request_id))["s3"].status is StepStatus.WAITING
    await append(db, request_id, stories.until_running()[-2], stories.answered())
    view = await _request(db, request_id)
    assert (view.questions, view.approvals) == ((), ())
    assert (await _steps(db, request_id))["s3"].status is StepStatus.RUNNING


async def test_a_question_of_the_coordinator_belongs_to_no_step(db: Database) -> None:
    request_id = await accepted(db)
    question = stories.QUESTION.model_copy(update={"step_id": None})
    await append(db, request_id, stories.until_running()[5], stories.asked(question), stories.answered(question.id))
    assert all(step.status is StepStatus.PENDING for step in (await _steps(db, request_id)).values())


async def test_a_request_can_be_paused(db: Database) -> None:
    request_id = await accepted(db)
    paused = event(phase("x").type, phase="running", paused=True)
    await append(db, request_id, phase("running"), paused)
    assert (await _request(db, request_id)).paused
    await append(db, request_id, phase("running"))
    assert not (await _request(db, request_id)).paused


async def test_late_news_of_an_ended_launch_changes_nothing(db: Database) -> None:
    request_id = await accepted(db)
    await append(
        db, request_id, *stories.until_running(), stories.started("s1"), stories.finished("s1", 3, "cancelled")
    )
    before = (await _steps(db, request_id))["s1"]
    await append(db, request_id, stories.started("s1", 2, retried=True), stories.finished("s1", 2))
    assert (await _steps(db, request_id))["s1"] == before
    await append(db, request_id, stories.started("s1", 4))
    again = (await _steps(db, request_id))["s1"]
    assert (again.status, again.round, again.result) == (StepStatus.RUNNING, 4, None)


async def test_late_costs_count_but_move_nothing(db: Database) -> None:
    request_id = await accepted(db)
    await append(db, request_id, *stories.whole_life(), stories.cost("s1", 100, "late"))
    view = await _request(db, request_id)
    assert (view.cost_micros, view.phase) == (130, Phase.DONE)
    assert (await _steps(db, request_id))["s1"].status is StepStatus.SUCCEEDED


READ_MODELS: Mapping[str, str] = {
    "request": "SELECT * FROM request WHERE id = $1",
    "step_run": "SELECT * FROM step_run WHERE request_id = $1 ORDER BY step_id",
    "plan_version": "SELECT * FROM plan_version WHERE request_id = $1 ORDER BY version",
}


async def _read_models(db: Database, request_id: str) -> dict[str, list[dict[str, Any]]]:
    async with db.transaction() as tx:
        return {
            name: [dict(row) for row in await tx.driver.fetch(query, request_id)] for name, query in READ_MODELS.items()
        }


async def _rebuild(db: Database, request_id: str) -> None:
    async with db.transaction() as tx:
        await views.rebuild(tx, request_id)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_rebuilt_read_models_are_the_ones_that_grew(db: Database, data: st.DataObject) -> None:
    """In any order of events, and however they are cut into appends."""
    request_id = await accepted(db, conversation_id="c", user_id="u", simulated=True, forked_from=new_id())
    told = data.draw(st.permutations(stories.whole_life()))
    cut = data.draw(st.integers(0, len(told)))
    await append(db, request_id, *told[:cut])
    await append(db, request_id, *told[cut:])
    grown = await _read_models(db, request_id)
    await _rebuild(db, request_id)
    assert await _read_models(db, request_id) == grown


async def test_an_unknown_request_cannot_be_rebuilt(db: Database) -> None:
    with pytest.raises(NotFound):
        await _rebuild(db, new_id())
