from collections.abc import Awaitable, Callable

import pytest

from domain.content import Text
from domain.documents import Turn
from domain.errors import InvalidInput, NotFound
from domain.events import EventType
from domain.request import Outcome, Phase
from domain.step import StepStatus
from services.storage import blobs
from services.storage.database import Database, Tx
from services.storage.views import calls, plans, requests
from services.storage.views.requests import Filter
from tests.storage import stories
from tests.storage.samples import OWNER, accepted, append, event, new_id

READS: dict[str, Callable[[Tx, str, str], Awaitable[object]]] = {
    "request": requests.get,
    "plan": plans.plan,
    "versions": plans.versions,
    "calls": calls.calls,
    "costs": calls.costs,
}


@pytest.mark.parametrize("name", READS)
async def test_another_owners_request_is_not_found_like_an_unknown_one(db: Database, name: str) -> None:
    request_id = await accepted(db)
    await append(db, request_id, *stories.whole_life())
    async with db.transaction() as tx:
        await READS[name](tx, OWNER, request_id)
        for owner, asked in (("somebody-else", request_id), (OWNER, new_id()), (OWNER, "nonsense")):
            with pytest.raises(NotFound, match="no such request"):
                await READS[name](tx, owner, asked)


async def _ids(
    db: Database, owner: str, narrowed: Filter, cursor: str | None = None, limit: int = 50
) -> tuple[list[str], str | None]:
    async with db.transaction() as tx:
        views, following = await requests.list_page(tx, owner, narrowed, cursor, limit)
        return [view.id for view in views], following


async def test_pages_hold_every_request_once_while_new_ones_come(db: Database) -> None:
    owner = new_id()
    ids = sorted([await accepted(db, owner=owner) for _ in range(23)], reverse=True)
    seen: list[str] = []
    cursor: str | None = None
    for size in (5, 5, 5, 5, 3):
        page, cursor = await _ids(db, owner, Filter(), cursor, 5)
        assert len(page) == size
        seen += page
        await accepted(db, owner=owner)
    assert cursor is None
    assert seen == ids


async def test_a_full_last_page_has_no_next_one(db: Database) -> None:
    owner = new_id()
    await accepted(db, owner=owner)
    _, cursor = await _ids(db, owner, Filter(), limit=1)
    assert cursor is None


async def test_a_made_up_cursor_is_refused(db: Database) -> None:
    with pytest.raises(InvalidInput):
        await _ids(db, OWNER, Filter(), "' OR 1=1")


async def test_lists_are_narrowed(db: Database) -> None:
    owner = new_id()
    plain = await accepted(db, owner=owner, message=Text.inline("Tell me about 100% of Gemini"))
    mine = await accepted(db, owner=owner, user_id="u1", conversation_id="c1")
    done = await accepted(db, owner=owner)
    await append(db, done, *stories.whole_life())
    wanted = {
        plain: [Filter(q="gemini"), Filter(q="100%"), Filter(q="TELL gemini")],
        mine: [Filter(user_id="u1"), Filter(conversation_id="c1"), Filter(user_id="u1", conversation_id="c1")],
        done: [Filter(phase=Phase.DONE), Filter(q="apollo"), Filter(q="report")],
    }
    for request_id, filters in wanted.items():
        for narrowed in filters:
            assert await _ids(db, owner, narrowed) == ([request_id], None), narrowed
    assert await _ids(db, owner, Filter(q="apollo gemini")) == ([], None)
    assert await _ids(db, owner, Filter(q="_")) == ([], None)


async def test_sub_requests_are_listed_only_on_demand(db: Database) -> None:
    owner = new_id()
    parent = await accepted(db, owner=owner)
    child = new_id()
    made = {"owner": owner, "message": Text.inline("part").model_dump(), "options": {}, "depth": 1}
    link = {"request_id": parent, "step_id": "s1", "launch": 1}
    await append(db, child, event(EventType.REQUEST_ACCEPTED, "wf", 1, parent=link, **made))
    assert await _ids(db, owner, Filter()) == ([parent], None)
    assert await _ids(db, owner, Filter(top_level=False)) == (sorted([child, parent], reverse=True), None)


async def test_a_conversation_is_its_answered_turns_before_a_request(db: Database) -> None:
    talk = new_id()
    for number in range(4):
        await _answered(db, talk, f"Question {number}", f"Answer {number}" + "!" * 3000)
    await accepted(db, conversation_id=talk)
    await _answered(db, new_id(), "Other talk", "Other answer")
    latest = await accepted(db, conversation_id=talk)
    async with db.transaction() as tx:
        turns = await requests.conversation(tx, OWNER, talk, latest, limit=2, max_chars=9)
        assert await requests.conversation(tx, "somebody-else", talk, latest) == []
    assert turns == [
        Turn(role="user", text="Question "),
        Turn(role="assistant", text="Answer 2!"),
        Turn(role="user", text="Question "),
        Turn(role="assistant", text="Answer 3!"),
    ]


async def _answered(db: Database, conversation_id: str, question: str, answer: str) -> None:
    request_id = await accepted(db, conversation_id=conversation_id, message=Text.inline(question))
    async with db.transaction() as tx:
        text = await blobs.put(tx, answer)
    outcome = Outcome(phase=Phase.DONE, answer=text)
    await append(db, request_id, event(stories.end().type, outcome=outcome.model_dump(mode="json")))


async def test_a_plan_is_shown_in_any_version_with_its_steps_as_they_stand(db: Database) -> None:
    request_id = await accepted(db)
    await append(db, request_id, *stories.whole_life())
    async with db.transaction() as tx:
        newest = await plans.plan(tx, OWNER, request_id)
        first = await plans.plan(tx, OWNER, request_id, 1)
        assert await plans.versions(tx, OWNER, request_id) == [stories.PLAN, stories.AMENDED]
        with pytest.raises(NotFound, match="plan"):
            await plans.plan(tx, OWNER, request_id, 9)
    assert (newest.plan, first.plan) == (stories.AMENDED, stories.PLAN)
    assert [step.step.id for step in first.steps] == ["s1", "s2", "s3"]
    assert first.steps[2].status is StepStatus.CANCELLED
    assert newest.steps == first.steps[:2]


async def test_a_step_that_never_ran_is_pending(db: Database) -> None:
    request_id = await accepted(db)
    await append(db, request_id, *stories.until_running())
    async with db.transaction() as tx:
        steps = (await plans.plan(tx, OWNER, request_id)).steps
    assert [(step.status, step.round) for step in steps] == [(StepStatus.PENDING, 0)] * 3


async def test_a_request_without_a_plan_has_none(db: Database) -> None:
    request_id = await accepted(db)
    async with db.transaction() as tx:
        assert await plans.versions(tx, OWNER, request_id) == []
        with pytest.raises(NotFound, match="plan"):
            await plans.plan(tx, OWNER, request_id)


async def test_the_newest_plan_of_a_user_skips_requests_without_one(db: Database) -> None:
    user = new_id()
    older, newer = [await accepted(db, user_id=user) for _ in range(2)]
    await accepted(db, user_id=user)
    for request_id in (older, newer):
        await append(db, request_id, *stories.until_running())
    async with db.transaction() as tx:
        assert (await plans.newest_of_user(tx, OWNER, user)).request_id == max(older, newer)
        with pytest.raises(NotFound):
            await plans.newest_of_user(tx, "somebody-else", user)
