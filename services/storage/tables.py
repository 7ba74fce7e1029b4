"""The tables. The SQL functions in `functions/` write most of them; Python reads them through `views/`.

There are no foreign keys: whatever writes about a request locks its row first, and so knows that it is there.
Ids are ASCII and compared by byte (collation C).
"""

import re
from datetime import datetime
from typing import Any, cast

import sqlalchemy
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

METADATA = SQLModel.metadata


def table(model: type[SQLModel]) -> Table:
    """Return a model's table, for queries on columns."""
    return cast("Table", sqlalchemy.inspect(model).local_table)


def _id(*, primary: bool = False, nullable: bool = False) -> Column[str]:
    return Column(Text(collation="C"), primary_key=primary, nullable=nullable)


def _text(*, nullable: bool = True) -> Column[str]:
    return Column(Text, nullable=nullable)


def _json(default: str | None = None) -> Column[Any]:
    return Column(JSONB(none_as_null=True), nullable=default is None, server_default=default and text(f"'{default}'"))


def _number(*, primary: bool = False, big: bool = False) -> Column[int]:
    kind = BigInteger if big else Integer
    if primary:
        return Column(kind, primary_key=True, autoincrement=False)
    return Column(kind, nullable=False, server_default=text("0"))


def _flag() -> Column[bool]:
    return Column(Boolean, nullable=False, server_default=text("false"))


def _time(*, now: bool = False) -> Column[datetime]:
    default = text("clock_timestamp()") if now else None
    return Column(DateTime(timezone=True), nullable=not now, server_default=default)


class Named(SQLModel):
    """A table called like its class: `PlanVersion` is `plan_version`."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805  # pyright: ignore[reportIncompatibleVariableOverride]  SQLModel says so
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


class Request(Named, table=True):
    """A request as its events left it. `open_items`: open questions and approvals by id."""

    __table_args__ = (
        Index("request_by_owner", "owner", "id"),
        Index("request_by_user", "owner", "user_id", "id"),
        Index("request_by_conversation", "owner", "conversation_id", "id"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: str = Field(sa_column=_id(primary=True))
    owner: str = Field(sa_column=_id())
    user_id: str | None = Field(sa_column=_id(nullable=True))
    conversation_id: str | None = Field(sa_column=_id(nullable=True))
    parent_id: str | None = Field(sa_column=_id(nullable=True))
    parent_step_id: str | None = Field(sa_column=_id(nullable=True))
    depth: int = Field(sa_column=_number())
    message: dict[str, Any] = Field(sa_column=_json("{}"))
    options: dict[str, Any] = Field(sa_column=_json("{}"))
    simulated: bool = Field(sa_column=_flag())
    forked_from: str | None = Field(sa_column=_id(nullable=True))
    phase: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'accepted'")))
    paused: bool = Field(sa_column=_flag())
    not_started: bool = Field(sa_column=_flag())
    processed_input: dict[str, Any] | None = Field(sa_column=_json())
    language: str | None = Field(sa_column=_text())
    plan_version: int = Field(sa_column=_number())
    open_items: dict[str, Any] = Field(sa_column=_json('{"questions": {}, "approvals": {}}'.replace(":", r"\:")))
    last_seq: int = Field(sa_column=_number(big=True))
    cost_micros: int = Field(sa_column=_number(big=True))
    outcome: dict[str, Any] | None = Field(sa_column=_json())
    created_at: datetime = Field(sa_column=_time(now=True))
    finished_at: datetime | None = Field(sa_column=_time())


class Idempotency(Named, table=True):
    """Which request an Idempotency-Key made. Hashes are SHA-256 in hex."""

    owner: str = Field(sa_column=_id(primary=True))
    route: str = Field(sa_column=_id(primary=True))
    key_hash: str = Field(sa_column=_id(primary=True))
    body_hash: str = Field(sa_column=_id())
    request_id: str = Field(sa_column=_id())
    created_at: datetime = Field(sa_column=_time(now=True))


class PlanVersion(Named, table=True):
    """One version of a plan (`domain.plan.Plan`)."""

    request_id: str = Field(sa_column=_id(primary=True))
    version: int = Field(sa_column=_number(primary=True))
    plan: dict[str, Any] = Field(sa_column=_json("{}"))
    created_at: datetime = Field(sa_column=_time(now=True))


class StepRun(Named, table=True):
    """A step that has run, as its events left it. `ended_round`: the last round its ended launch may have used."""

    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    request_id: str = Field(sa_column=_id(primary=True))
    step_id: str = Field(sa_column=_id(primary=True))
    status: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'pending'")))
    round: int = Field(sa_column=_number())
    ended_round: int = Field(sa_column=_number())
    child: str | None = Field(sa_column=_text())
    result: dict[str, Any] | None = Field(sa_column=_json())
    evaluation: dict[str, Any] | None = Field(sa_column=_json())
    note: str | None = Field(sa_column=_text())
    feedback: str | None = Field(sa_column=_text())
    cost_micros: int = Field(sa_column=_number(big=True))
    started_at: datetime | None = Field(sa_column=_time())
    finished_at: datetime | None = Field(sa_column=_time())


class RequestEvent(Named, table=True):
    """The event log; append-only."""

    __table_args__ = (Index("request_event_once", "request_id", "source", "source_seq", unique=True),)

    request_id: str = Field(sa_column=_id(primary=True))
    seq: int = Field(sa_column=_number(primary=True, big=True))
    at: datetime = Field(sa_column=_time(now=True))
    type: str = Field(sa_column=_id())
    source: str = Field(sa_column=_id())
    source_seq: int = Field(sa_column=_number(big=True))
    data: dict[str, Any] = Field(sa_column=_json("{}"))


class ModelCall(Named, table=True):
    """The call journal. `answer` is a `domain.content.Text`, `usage` a `domain.budget.Usage`."""

    __table_args__ = ({"postgresql_with": {"fillfactor": 70}},)

    request_id: str = Field(sa_column=_id(primary=True))
    slot: str = Field(sa_column=_id(primary=True))
    round: int = Field(sa_column=_number(primary=True))
    n: int = Field(sa_column=_number(primary=True))
    state: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'open'")))
    model: str = Field(sa_column=_text(nullable=False))
    process: str = Field(sa_column=_text(nullable=False))
    input_tokens: int = Field(sa_column=_number())
    answer: dict[str, Any] | None = Field(sa_column=_json())
    finish_reason: str | None = Field(sa_column=_text())
    refused: bool = Field(sa_column=_flag())
    usage: dict[str, Any] | None = Field(sa_column=_json())
    cost_micros: int = Field(sa_column=_number(big=True))
    error_code: str | None = Field(sa_column=_text())
    started_at: datetime = Field(sa_column=_time(now=True))
    finished_at: datetime | None = Field(sa_column=_time())


class Blob(Named, table=True):
    """A long text as UTF-8 bytes, under `sha256:<hex>`."""

    ref: str = Field(sa_column=_id(primary=True))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=_time(now=True))


class ProjectContext(Named, table=True):
    """An owner's project context. `source_hash`: of the file imported last."""

    owner: str = Field(sa_column=_id(primary=True))
    data: dict[str, Any] = Field(sa_column=_json("{}"))
    source_hash: str | None = Field(sa_column=_text())
    updated_at: datetime = Field(sa_column=_time(now=True))
