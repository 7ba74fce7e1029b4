"""The tables. The SQL functions in `functions/` write most of them; Python reads them through `views/`.

There are no foreign keys: whatever writes about a request locks its row first, and so knows that it is there.
"""

from datetime import datetime
from typing import Any, cast

import sqlalchemy
from sqlalchemy import Column, Index, LargeBinary, Table, Text, text
from sqlmodel import Field, SQLModel

from services.storage.columns import Named, flag_column, id_column, json_column, number_column, text_column, time_column


def table(model: type[SQLModel]) -> Table:
    """Return a model's table, for queries on columns."""
    return cast("Table", sqlalchemy.inspect(model).local_table)


class Request(Named, table=True):
    """A request as its events left it. `open_items`: open questions and approvals by id.

    `wallet_id` null: nothing is charged. `hold_id`: under which money may be held for it, its root's id.
    `kind` `call`: a call of the gateway. Its `message` is the body as asked, its `options` a
    `domain.gateway.CallOptions`, its `outcome` a `CallOutcome`.
    """

    __table_args__ = (
        Index("request_by_owner", "owner", "id"),
        Index("request_by_user", "owner", "user_id", "id"),
        Index("request_by_conversation", "owner", "conversation_id", "id"),
        Index("request_of_hold", "hold_id", postgresql_where=text("hold_id <> id")),
        Index("request_awaiting", "id", postgresql_where=text("open_items->'approvals' <> '{}'")),
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: str = Field(sa_column=id_column(primary=True))
    owner: str = Field(sa_column=id_column())
    kind: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'request'")))
    user_id: str | None = Field(sa_column=id_column(nullable=True))
    conversation_id: str | None = Field(sa_column=id_column(nullable=True))
    parent_id: str | None = Field(sa_column=id_column(nullable=True))
    parent_step_id: str | None = Field(sa_column=id_column(nullable=True))
    depth: int = Field(sa_column=number_column())
    message: dict[str, Any] = Field(sa_column=json_column("{}"))
    options: dict[str, Any] = Field(sa_column=json_column("{}"))
    simulated: bool = Field(sa_column=flag_column())
    forked_from: str | None = Field(sa_column=id_column(nullable=True))
    phase: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'accepted'")))
    paused: bool = Field(sa_column=flag_column())
    not_started: bool = Field(sa_column=flag_column())
    processed_input: dict[str, Any] | None = Field(sa_column=json_column())
    language: str | None = Field(sa_column=text_column())
    plan_version: int = Field(sa_column=number_column())
    open_items: dict[str, Any] = Field(sa_column=json_column('{"questions": {}, "approvals": {}}'.replace(":", r"\:")))
    last_seq: int = Field(sa_column=number_column(big=True))
    cost_micros: int = Field(sa_column=number_column(big=True))
    outcome: dict[str, Any] | None = Field(sa_column=json_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    finished_at: datetime | None = Field(sa_column=time_column())
    tenant: str | None = Field(sa_column=id_column(nullable=True))
    key_id: str | None = Field(sa_column=id_column(nullable=True))
    wallet_id: str | None = Field(sa_column=id_column(nullable=True))
    hold_id: str | None = Field(sa_column=id_column(nullable=True))


class Idempotency(Named, table=True):
    """Which request an Idempotency-Key made. Hashes are SHA-256 in hex."""

    __table_args__ = (Index("idempotency_by_request", "request_id"),)

    owner: str = Field(sa_column=id_column(primary=True))
    route: str = Field(sa_column=id_column(primary=True))
    key_hash: str = Field(sa_column=id_column(primary=True))
    body_hash: str = Field(sa_column=id_column())
    request_id: str = Field(sa_column=id_column())
    created_at: datetime = Field(sa_column=time_column(now=True))


class PlanVersion(Named, table=True):
    """One version of a plan (`domain.plan.Plan`)."""

    request_id: str = Field(sa_column=id_column(primary=True))
    version: int = Field(sa_column=number_column(primary=True))
    plan: dict[str, Any] = Field(sa_column=json_column("{}"))
    created_at: datetime = Field(sa_column=time_column(now=True))


class StepRun(Named, table=True):
    """A step that has run, as its events left it. `ended_round`: the last round its ended launch may have used."""

    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    request_id: str = Field(sa_column=id_column(primary=True))
    step_id: str = Field(sa_column=id_column(primary=True))
    status: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'pending'")))
    round: int = Field(sa_column=number_column())
    ended_round: int = Field(sa_column=number_column())
    child: str | None = Field(sa_column=text_column())
    result: dict[str, Any] | None = Field(sa_column=json_column())
    evaluation: dict[str, Any] | None = Field(sa_column=json_column())
    note: str | None = Field(sa_column=text_column())
    feedback: str | None = Field(sa_column=text_column())
    cost_micros: int = Field(sa_column=number_column(big=True))
    started_at: datetime | None = Field(sa_column=time_column())
    finished_at: datetime | None = Field(sa_column=time_column())


class RequestEvent(Named, table=True):
    """The event log; append-only."""

    __table_args__ = (Index("request_event_once", "request_id", "source", "source_seq", unique=True),)

    request_id: str = Field(sa_column=id_column(primary=True))
    seq: int = Field(sa_column=number_column(primary=True, big=True))
    at: datetime = Field(sa_column=time_column(now=True))
    type: str = Field(sa_column=id_column())
    source: str = Field(sa_column=id_column())
    source_seq: int = Field(sa_column=number_column(big=True))
    data: dict[str, Any] = Field(sa_column=json_column("{}"))


class ModelCall(Named, table=True):
    """The call journal. `answer` is a `domain.content.Text`, `usage` a `domain.budget.Usage`, `price` a `Price`.

    `deployment`: who was asked, `model`: by which name.
    """

    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    request_id: str = Field(sa_column=id_column(primary=True))
    slot: str = Field(sa_column=id_column(primary=True))
    round: int = Field(sa_column=number_column(primary=True))
    n: int = Field(sa_column=number_column(primary=True))
    state: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'open'")))
    model: str = Field(sa_column=text_column(nullable=False))
    process: str = Field(sa_column=text_column(nullable=False))
    deployment: str = Field(sa_column=Column(Text(collation="C"), nullable=False, server_default=text("''")))
    price: dict[str, Any] = Field(sa_column=json_column("{}"))
    input_tokens: int = Field(sa_column=number_column())
    answer: dict[str, Any] | None = Field(sa_column=json_column())
    finish_reason: str | None = Field(sa_column=text_column())
    refused: bool = Field(sa_column=flag_column())
    usage: dict[str, Any] | None = Field(sa_column=json_column())
    cost_micros: int = Field(sa_column=number_column(big=True))
    error_code: str | None = Field(sa_column=text_column())
    started_at: datetime = Field(sa_column=time_column(now=True))
    finished_at: datetime | None = Field(sa_column=time_column())


class Blob(Named, table=True):
    """A long text as UTF-8 bytes, under `sha256:<hex>`. `put_at`: when it was put last, to a day.

    `of_calls`: only calls of the gateway have put it, so it may be removed when they are.
    """

    __table_args__ = (Index("blob_of_calls", "put_at", postgresql_where=text("of_calls")),)

    ref: str = Field(sa_column=id_column(primary=True))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    put_at: datetime = Field(sa_column=time_column(now=True))
    of_calls: bool = Field(sa_column=flag_column())


class ProjectContext(Named, table=True):
    """An owner's project context. `source_hash`: of the file imported last."""

    owner: str = Field(sa_column=id_column(primary=True))
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    source_hash: str | None = Field(sa_column=text_column())
    updated_at: datetime = Field(sa_column=time_column(now=True))
