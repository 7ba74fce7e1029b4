"""The tables of the gateway beside the event log and the journal: kept answers, the log of API calls, purge marks."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field

from services.storage.columns import Named, id_column, json_column, number_column, text_column, time_column


class CachedAnswer(Named, table=True):
    """An answer kept for callers who ask the same again, or, `outcome` null, one that `call_id` is being made for."""

    __table_args__ = (Index("cached_answer_by_expiry", "expires_at"),)

    owner: str = Field(sa_column=id_column(primary=True))
    key: str = Field(sa_column=id_column(primary=True))
    call_id: str = Field(sa_column=id_column())
    outcome: dict[str, Any] | None = Field(sa_column=json_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))


class WebhookDelivery(Named, table=True):
    """How far the telling of a job's end is (`domain.webhook.Delivery`)."""

    call_id: str = Field(sa_column=id_column(primary=True))
    state: str = Field(sa_column=id_column())
    attempts: int = Field(sa_column=number_column())
    status: int | None = Field(sa_column=Column(number_column().type, nullable=True))
    error: str | None = Field(sa_column=id_column(nullable=True))
    tried_at: datetime = Field(sa_column=time_column(now=True))


class ApiCall(Named, table=True):
    """One call of the HTTP API: who, what, how it went. No content. `call_id`: of a gateway call or a request.

    `id` begins with the milliseconds of `at` (`services.storage.api_log.first_id`), so ids are in the order of time.
    """

    __table_args__ = (
        Index("api_call_by_owner", "owner", "id"),
        Index("api_call_by_call", "call_id"),
    )

    id: int = Field(sa_column=number_column(primary=True, big=True))
    at: datetime = Field(sa_column=time_column(now=True))
    request_id: str = Field(sa_column=id_column())
    owner: str | None = Field(sa_column=id_column(nullable=True))
    method: str = Field(sa_column=id_column())
    route: str = Field(sa_column=id_column())
    status: int = Field(sa_column=number_column())
    duration_ms: int = Field(sa_column=number_column())
    call_id: str | None = Field(sa_column=id_column(nullable=True))
    model: str | None = Field(sa_column=text_column())
    provider: str | None = Field(sa_column=text_column())
    account: str | None = Field(sa_column=text_column())
    deployment: str | None = Field(sa_column=text_column())
    attempts: int = Field(sa_column=number_column())
    cache: str | None = Field(sa_column=text_column())
    error_code: str | None = Field(sa_column=text_column())
    first_token_ms: int | None = Field(sa_column=Column(number_column().type, nullable=True))
    input_tokens: int = Field(sa_column=number_column())
    cached_tokens: int = Field(sa_column=number_column())
    output_tokens: int = Field(sa_column=number_column())
    cost_micros: int = Field(sa_column=number_column(big=True))
    details: dict[str, Any] | None = Field(sa_column=json_column())


class PurgeMark(Named, table=True):
    """How far a purge has come that leaves rows behind it: `after` is the last id that it has seen to."""

    kind: str = Field(sa_column=id_column(primary=True))
    after: str = Field(sa_column=id_column())
