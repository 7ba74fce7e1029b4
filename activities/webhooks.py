"""The Webhooks port: one signed POST an attempt, and on record what came of it."""

import json
import logging
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.errors import Mapped
from contracts.webhooks import WebhookDelivery, Webhooks
from domain.completion import assemble
from domain.content import Text
from domain.webhook import ANSWER_LIMIT, DeliveryState, pause_after, state_after, told
from services.net.webhooks import REFUSED, Receipt, WebhookSender
from services.storage import blobs, gateway_calls, jobs
from services.storage.database import Database
from services.storage.gateway_calls import CallView

NOT_DELIVERED = "WebhookNotDelivered"
"""The type of the error that has Temporal try again."""

_log = logging.getLogger(__name__)


class SignedWebhooks(Webhooks):
    """Webhooks about calls in the database. `api_url`: where receivers reach the API, without a slash at the end."""

    def __init__(self, db: Database, sender: WebhookSender, api_url: str) -> None:
        self._db = db
        self._sender = sender
        self._api_url = api_url

    @activity.defn(name="deliver_webhook")
    async def deliver_webhook(self, delivery: WebhookDelivery) -> None:
        """Send the signed news of a job's end, once; Temporal retries. What came of it is on record."""
        with Mapped():
            if (await jobs.standing(self._db, delivery.call_id)).delivery.is_over:
                return
            view = await gateway_calls.read(self._db, delivery.owner, delivery.call_id)
            receipt = await self._sender.send(delivery.url, delivery.call_id, await self._body(view, delivery))
            state = _state(receipt, _since_end(view))
            await jobs.note_delivery(self._db, delivery.call_id, state, status=receipt.status, error=receipt.error)
            _conclude(delivery.call_id, state, receipt)

    async def _body(self, view: CallView, delivery: WebhookDelivery) -> bytes:
        """Return what is sent: the same bytes in every attempt."""
        if view.outcome is None or view.finished_at is None:
            raise ApplicationError("the call has not ended", type=NOT_DELIVERED)
        url = f"{self._api_url}/v1/calls/{view.id}"
        message = told(view.id, view.options.model, view.outcome, view.finished_at, url)
        if delivery.content and view.outcome.answer is not None:
            message["data"].update(await self._answer(view.outcome.answer))
        return json.dumps(message, separators=(",", ":")).encode()

    async def _answer(self, stored: Text) -> dict[str, object]:
        """Return the answer as a client of the OpenAI API would see it; null when it is too large to send."""
        whole = json.loads(await blobs.load(self._db, stored))
        answer = assemble(whole["chunks"]) if "chunks" in whole else whole["body"]
        if len(json.dumps(answer)) > ANSWER_LIMIT:
            return {"answer": None, "answer_too_large": True}
        return {"answer": answer}


def _state(receipt: Receipt, since_end: timedelta) -> DeliveryState:
    return DeliveryState.REFUSED if receipt.error == REFUSED else state_after(receipt.status, since_end)


def _since_end(view: CallView) -> timedelta:
    return timedelta(0) if view.finished_at is None else datetime.now(UTC) - view.finished_at


def _conclude(call_id: str, state: DeliveryState, receipt: Receipt) -> None:
    """Return when no other try is to come.

    Raises:
        ApplicationError: One is.
    """
    answer = receipt.error or f"status {receipt.status}"
    if state is DeliveryState.RETRYING:
        pause = pause_after(receipt.retry_after_s)
        raise ApplicationError(
            f"not delivered: {answer}",
            type=NOT_DELIVERED,
            next_retry_delay=pause,
            category=ApplicationErrorCategory.BENIGN,
        )
    if state is not DeliveryState.DELIVERED:
        _log.warning("the webhook of %s is not tried again, %s: %s", call_id, state.value, answer)
