"""A gateway call as the API shows it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from api.documents.jobs import JobStatus
from domain.budget import Usage
from domain.gateway import CallError, CallOutcome, Routing
from domain.model_pool import Endpoint
from domain.webhook import DeliveryState
from services.storage.gateway_calls import CallView
from services.storage.jobs import Standing


class WebhookDocument(BaseModel):
    """How far the telling of a job's end is. `status`: of the receiver's last answer; `error`: why there was none."""

    url: str
    state: DeliveryState
    attempts: int
    status: int | None
    error: str | None
    tried_at: datetime | None


class CallDocument(BaseModel):
    """A call as it stands. `answer`: what the caller got or would have got, as the OpenAI API has it.

    `background`: it is a job; `status` is `queued` until a provider has been asked.
    Times in milliseconds: `waited_ms` for capacity, `first_token_ms` to the first token, `upstream_ms` with providers.
    """

    id: str
    object: Literal["longhaul.call"] = "longhaul.call"
    status: JobStatus
    endpoint: Endpoint
    model: str
    background: bool
    webhook: WebhookDocument | None = None
    created_at: datetime
    finished_at: datetime | None
    error: CallError | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    cost_micros: int = 0
    routing: Routing | None = None
    waited_ms: int = 0
    first_token_ms: int | None = None
    upstream_ms: int = 0
    total_ms: int = 0
    answer: dict[str, Any] | None = None


class CancelDocument(BaseModel):
    """What became of a cancellation. `cancelled` false: the call had ended before."""

    id: str
    cancelled: bool


def status_of(view: CallView, standing: Standing | None) -> JobStatus:
    """Return how a call stands. `standing`: a job's."""
    if view.outcome is not None:
        return view.outcome.phase
    return "running" if standing is None or standing.begun else "queued"


def webhook_of(view: CallView, standing: Standing | None) -> WebhookDocument | None:
    """Return how far the telling of a job's end is; None: it has no webhook."""
    webhook = view.options.webhook
    if webhook is None or standing is None:
        return None
    return WebhookDocument(url=webhook.url, **standing.delivery.model_dump())


def ended(outcome: CallOutcome) -> dict[str, Any]:
    """Return what a call's end adds to it."""
    return {
        "error": outcome.error,
        "finish_reason": outcome.finish_reason,
        "usage": outcome.usage,
        "cost_micros": outcome.cost_micros,
        "routing": outcome.routing,
        "waited_ms": outcome.waited_ms,
        "first_token_ms": outcome.first_token_ms,
        "upstream_ms": outcome.upstream_ms,
        "total_ms": outcome.total_ms,
    }
