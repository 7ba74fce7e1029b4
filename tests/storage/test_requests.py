import asyncio

import pytest

from domain.content import Text
from domain.events import EventType
from domain.request import Options, Phase
from services.storage import requests
from services.storage.database import Database
from services.storage.requests import Accepted, Idempotency, IdempotencyKeyReused, NewRequest
from services.storage.views.requests import get, list_page
from tests.storage.samples import OWNER, accepted, append, log, new_id, new_request, phase


async def _accept(db: Database, new: NewRequest, key: str | None = None, body: str = "body") -> Accepted:
    idempotency = None if key is None else Idempotency("POST /v1/requests", key, body)
    async with db.transaction() as tx:
        return await requests.accept(tx, new, idempotency)


async def test_an_accepted_request_can_be_read(db: Database) -> None:
    new = new_request(
        options=Options(model="m", budget_micros=7),
        conversation_id="c1",
        user_id="u1",
        simulated=True,
        forked_from=new_id(),
        message=Text.inline("Écris un poème"),
    )
    assert await _accept(db, new) == Accepted(new.request_id, created=True)
    async with db.transaction() as tx:
        view = await get(tx, OWNER, new.request_id)
    assert (view.message, view.options, view.phase) == (new.message, new.options, Phase.ACCEPTED)
    assert (view.conversation_id, view.user_id, view.simulated) == ("c1", "u1", True)
    assert (view.forked_from, view.plan_version, view.last_seq) == (new.forked_from, 0, 1)
    (first,) = await log(db, new.request_id)
    assert (first.type, first.at) == (EventType.REQUEST_ACCEPTED, view.created_at)


async def test_one_key_makes_one_request_whoever_races(db: Database) -> None:
    key = new_id()
    answers = await asyncio.gather(*(_accept(db, new_request(), key) for _ in range(64)))
    assert len({answer.request_id for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert len(await log(db, answers[0].request_id)) == 1


async def test_another_body_under_the_same_key_is_a_conflict(db: Database) -> None:
    key = new_id()
    await _accept(db, new_request(), key)
    with pytest.raises(IdempotencyKeyReused) as caught:
        await _accept(db, new_request(), key, "another body")
    assert caught.value.code == "idempotency_key_reused"
    assert key not in str(caught.value)


async def test_a_key_belongs_to_its_owner_and_route(db: Database) -> None:
    key = new_id()
    mine = await _accept(db, new_request(), key)
    theirs = await _accept(db, new_request(owner="owner-b"), key, "another body")
    async with db.transaction() as tx:
        elsewhere = await requests.accept(tx, new_request(), Idempotency("POST /other", key, "body"))
    assert len({mine.request_id, theirs.request_id, elsewhere.request_id}) == 3


async def test_a_rolled_back_accept_frees_its_key(db: Database) -> None:
    key, new = new_id(), new_request()
    with pytest.raises(RuntimeError):
        await _accept_then_fail(db, new, key)
    assert await _accept(db, new_request(), key) != Accepted(new.request_id, created=False)


async def _accept_then_fail(db: Database, new: NewRequest, key: str) -> None:
    async with db.transaction() as tx:
        await requests.accept(tx, new, Idempotency("POST /v1/requests", key, "body"))
        raise RuntimeError


async def _listed(db: Database, owner: str) -> list[str]:
    async with db.transaction() as tx:
        return [view.id for view in (await list_page(tx, owner))[0]]


async def test_a_request_that_was_not_started_hides_until_a_retry(db: Database) -> None:
    owner, key = new_id(), new_id()
    accepted_now = await _accept(db, new_request(owner=owner), key)
    async with db.transaction() as tx:
        await requests.mark_not_started(tx, accepted_now.request_id)
    assert await _listed(db, owner) == []
    assert await _accept(db, new_request(owner=owner), key) == Accepted(accepted_now.request_id, created=False)
    assert await _listed(db, owner) == [accepted_now.request_id]


async def test_a_start_that_went_through_unseen_shows_the_request(db: Database) -> None:
    owner = new_id()
    request_id = await accepted(db, owner=owner)
    async with db.transaction() as tx:
        await requests.mark_not_started(tx, request_id)
    await append(db, request_id, phase("planning"))
    assert await _listed(db, owner) == [request_id]
    async with db.transaction() as tx:
        await requests.mark_not_started(tx, request_id)
    assert await _listed(db, owner) == [request_id]
