"""The Webhooks port over the real database and a real receiver: what is sent, when it is over, what is on record."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.webhooks import NOT_DELIVERED, SignedWebhooks
from contracts.webhooks import WebhookDelivery
from domain import ids
from domain.budget import Usage
from domain.errors import NotFound
from domain.events import Event, EventType
from domain.gateway import CallError, CallOptions, CallOutcome, Webhook
from domain.model_pool import Endpoint
from domain.webhook import ANSWER_LIMIT, Delivery, DeliveryState
from domain.webhook_signature import Secrets
from services.net.webhooks import WebhookSender
from services.storage import blobs, events, gateway_calls, jobs
from services.storage.database import Database
from services.storage.gateway_calls import NewCall
from tests.net.receiver import REDIRECT, SECRET, SLOW, Receiver, is_signed, receiving

OWNER = "owner-hooks"
USAGE = Usage(input_tokens=3, output_tokens=4)
AGE = "UPDATE request SET finished_at = finished_at - make_interval(secs => $2) WHERE id = $1"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def _chat(*texts: str) -> dict[str, Any]:
    said = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    return {"chunks": [*said, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]}


class Desk:
    """Jobs that have ended, and the activity that tells it."""

    def __init__(self, db: Database, *, allow_private: bool = True, secret: str | None = SECRET) -> None:
        self.db = db
        secrets_ = None if secret is None else Secrets.parse(secret)
        self.sender = WebhookSender(secrets_, allow_private=allow_private, timeout_s=0.5)
        self.port = SignedWebhooks(db, self.sender, "https://longhaul.example")

    async def ended(
        self, url: str, answer: dict[str, Any] | None = None, outcome: CallOutcome | None = None
    ) -> WebhookDelivery:
        """Return the delivery of a job that has ended with an answer, or as said."""
        call_id = ids.gateway_call_id(time.time_ns() // 1_000_000, secrets.randbits(80))
        endpoint = Endpoint.EMBEDDINGS if answer is not None and "body" in answer else Endpoint.CHAT
        options = CallOptions(model="m", endpoint=endpoint, background=True, webhook=Webhook(url=url))
        await gateway_calls.accept(self.db, NewCall(call_id, OWNER, "{}", options))
        stored = await blobs.put(self.db, json.dumps(_chat("Xin", " chào") if answer is None else answer))
        done = CallOutcome(phase="done", answer=stored, finish_reason="stop", usage=USAGE)
        await self._end(call_id, outcome or done)
        return WebhookDelivery(call_id=call_id, owner=OWNER, url=url)

    async def _end(self, call_id: str, outcome: CallOutcome) -> None:
        data = {"v": 1, "outcome": outcome.model_dump(mode="json", exclude_none=True)}
        await events.append(
            self.db, call_id, [Event(source="call", source_seq=1, type=EventType.CALL_FINISHED, data=data)]
        )

    async def deliver(self, delivery: WebhookDelivery) -> None:
        """Run one attempt."""
        await ActivityEnvironment().run(self.port.deliver_webhook, delivery)

    async def fails(self, delivery: WebhookDelivery) -> ApplicationError:
        """Run one attempt that is to be tried again; return its error."""
        with pytest.raises(ApplicationError) as caught:
            await self.deliver(delivery)
        assert not caught.value.non_retryable
        return caught.value

    async def record(self, delivery: WebhookDelivery) -> Delivery:
        """Return what is on record."""
        return (await jobs.standing(self.db, delivery.call_id)).delivery


@pytest_asyncio.fixture
async def desk(db: Database) -> AsyncIterator[Desk]:
    made = Desk(db)
    async with made.sender:
        yield made


async def test_an_end_is_told_signed_and_without_the_answer(desk: Desk, receiver: Receiver) -> None:
    delivery = await desk.ended(receiver.hook(200))
    await desk.deliver(delivery)
    (seen,) = receiver.at(delivery.url)
    assert is_signed(seen, SECRET)
    assert seen.headers["webhook-id"] == delivery.call_id
    message = json.loads(seen.body)
    assert message["type"] == "call.finished"
    assert message["data"]["id"] == delivery.call_id
    assert message["data"]["status"] == "done"
    assert message["data"]["usage"]["output_tokens"] == 4
    assert message["data"]["url"] == f"https://longhaul.example/v1/calls/{delivery.call_id}"
    assert "answer" not in message["data"]
    assert b"Xin" not in seen.body
    record = await desk.record(delivery)
    assert (record.state, record.attempts, record.status) == (DeliveryState.DELIVERED, 1, 200)


async def test_the_answer_goes_along_when_it_is_asked_for(desk: Desk, receiver: Receiver) -> None:
    chat = (await desk.ended(receiver.hook(200))).model_copy(update={"content": True})
    await desk.deliver(chat)
    answer = json.loads(receiver.at(chat.url)[0].body)["data"]["answer"]
    assert answer["choices"][0]["message"]["content"] == "Xin chào"
    body = {"object": "list", "data": [{"embedding": [0.5]}]}
    plain = (await desk.ended(receiver.hook(200), {"body": body})).model_copy(update={"content": True})
    await desk.deliver(plain)
    assert json.loads(receiver.at(plain.url)[0].body)["data"]["answer"] == body


async def test_an_answer_that_is_too_large_stays_and_the_link_goes(desk: Desk, receiver: Receiver) -> None:
    whole = _chat("a" * (ANSWER_LIMIT + 1))
    delivery = (await desk.ended(receiver.hook(200), whole)).model_copy(update={"content": True})
    await desk.deliver(delivery)
    (seen,) = receiver.at(delivery.url)
    data = json.loads(seen.body)["data"]
    assert len(seen.body) < 2000
    assert (data["answer"], data["answer_too_large"]) == (None, True)
    assert data["url"].endswith(delivery.call_id)


async def test_failures_and_cancellations_are_told_too(desk: Desk, receiver: Receiver) -> None:
    error = CallError(status=502, type="server_error", code="upstream_error", message="no provider answered")
    failed = await desk.ended(receiver.hook(200), outcome=CallOutcome(phase="failed", error=error))
    cancelled = await desk.ended(receiver.hook(200), outcome=CallOutcome(phase="cancelled"))
    for delivery in (failed, cancelled):
        await desk.deliver(delivery.model_copy(update={"content": True}))
    told = [json.loads(receiver.at(each.url)[0].body)["data"] for each in (failed, cancelled)]
    assert [data["status"] for data in told] == ["failed", "cancelled"]
    assert told[0]["error"]["code"] == "upstream_error"
    assert "answer" not in told[0]


async def test_500s_and_then_200_are_one_message_told_once(desk: Desk, receiver: Receiver) -> None:
    delivery = await desk.ended(receiver.hook(500, 500, 200))
    for attempts in (1, 2):
        error = await desk.fails(delivery)
        assert error.type == NOT_DELIVERED
        record = await desk.record(delivery)
        assert (record.state, record.attempts, record.status) == (DeliveryState.RETRYING, attempts, 500)
    await desk.deliver(delivery)
    await desk.deliver(delivery)
    seen = receiver.at(delivery.url)
    assert len(seen) == 3, "what was delivered is not sent again"
    assert len({each.body for each in seen}) == 1
    assert {each.headers["webhook-id"] for each in seen} == {delivery.call_id}
    assert (await desk.record(delivery)).attempts == 3


async def test_gone_is_the_end_of_it(desk: Desk, receiver: Receiver) -> None:
    delivery = await desk.ended(receiver.hook(410))
    await desk.deliver(delivery)
    await desk.deliver(delivery)
    assert len(receiver.at(delivery.url)) == 1
    assert (await desk.record(delivery)).state is DeliveryState.GONE


async def test_a_slow_receiver_and_a_redirect_are_tried_again(desk: Desk, receiver: Receiver) -> None:
    slow, redirected = await desk.ended(receiver.hook(SLOW)), await desk.ended(receiver.hook(REDIRECT))
    await desk.fails(slow)
    await desk.fails(redirected)
    record = await desk.record(slow)
    assert (record.state, record.status, record.error) == (DeliveryState.RETRYING, None, "timeout")
    record = await desk.record(redirected)
    assert (record.state, record.status, record.error) == (DeliveryState.RETRYING, 307, None)


async def test_a_receivers_wish_is_heard(desk: Desk, receiver: Receiver) -> None:
    delivery = await desk.ended(receiver.hook((503, {"retry-after": "120"}), (429, {"retry-after": "999999"}), 500))
    delays = [(await desk.fails(delivery)).next_retry_delay for _ in range(3)]
    assert delays == [timedelta(seconds=120), timedelta(hours=1), None]


async def test_a_private_address_ends_it(db: Database, receiver: Receiver) -> None:
    desk = Desk(db, allow_private=False)
    async with desk.sender:
        delivery = await desk.ended(receiver.hook(200))
        await desk.deliver(delivery)
        record = await desk.record(delivery)
    assert (record.state, record.error) == (DeliveryState.REFUSED, "address_refused")
    assert receiver.at(delivery.url) == []


async def test_after_a_day_it_is_given_up(desk: Desk, receiver: Receiver) -> None:
    delivery = await desk.ended(receiver.hook(500))
    await desk.fails(delivery)
    await desk.db.fetch(AGE, delivery.call_id, 24 * 3600.0)
    await desk.deliver(delivery)
    await desk.deliver(delivery)
    assert len(receiver.at(delivery.url)) == 2
    assert (await desk.record(delivery)).state is DeliveryState.GIVEN_UP


async def test_a_job_that_ended_long_ago_is_told_at_least_once(desk: Desk, receiver: Receiver) -> None:
    delivery = await desk.ended(receiver.hook(200))
    await desk.db.fetch(AGE, delivery.call_id, 40 * 3600.0)
    await desk.deliver(delivery)
    assert (await desk.record(delivery)).state is DeliveryState.DELIVERED


async def test_without_a_secret_it_waits_for_one(db: Database, receiver: Receiver) -> None:
    desk = Desk(db, secret=None)
    async with desk.sender:
        delivery = await desk.ended(receiver.hook(200))
        await desk.fails(delivery)
        record = await desk.record(delivery)
    assert (record.state, record.error) == (DeliveryState.RETRYING, "no_secret")
    assert receiver.at(delivery.url) == []


async def test_another_owners_call_is_not_told(desk: Desk, receiver: Receiver) -> None:
    delivery = (await desk.ended(receiver.hook(200))).model_copy(update={"owner": "somebody-else"})
    with pytest.raises(ApplicationError) as caught:
        await desk.deliver(delivery)
    assert caught.value.type == NotFound.__name__
    assert receiver.at(delivery.url) == []
