"""The tables of tool servers. `services/tools` reads and writes them; the journal of calls is in `tool_journal`."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary
from sqlmodel import Field

from services.storage.columns import Named, flag_column, id_column, json_column, number_column, text_column, time_column


class ToolServer(Named, table=True):
    """A server's configuration. `reach`: a `domain.tool_server.Reach`, sealed by the vault for `tool_server/<id>`.

    `address`: what people see of it, without secrets; `source`: file or api; `state`: what its last refresh found.
    """

    id: str = Field(sa_column=id_column(primary=True))
    reach: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    transport: str = Field(sa_column=text_column(nullable=False))
    address: str = Field(sa_column=text_column(nullable=False))
    options: dict[str, Any] = Field(sa_column=json_column("{}"))
    disabled: bool = Field(sa_column=flag_column())
    revision: int = Field(sa_column=number_column())
    source: str = Field(sa_column=text_column(nullable=False))
    source_hash: str | None = Field(sa_column=text_column())
    state: dict[str, Any] = Field(sa_column=json_column("{}"))
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class ToolContract(Named, table=True):
    """Every version of a capability that was ever seen, under its fingerprint."""

    hash: str = Field(sa_column=id_column(primary=True))
    capability: dict[str, Any] = Field(sa_column=json_column("{}"))


class ToolCapability(Named, table=True):
    """What a server offers now. It may be used while `present` and `hash` is `approved_hash`.

    `effect`: what an admin says that it does, over its annotations.
    """

    server: str = Field(sa_column=id_column(primary=True))
    kind: str = Field(sa_column=id_column(primary=True))
    name: str = Field(sa_column=id_column(primary=True))
    hash: str = Field(sa_column=id_column())
    approved_hash: str | None = Field(sa_column=id_column(nullable=True))
    effect: str | None = Field(sa_column=text_column())
    present: bool = Field(sa_column=flag_column())
    first_seen: datetime = Field(sa_column=time_column(now=True))
    last_seen: datetime = Field(sa_column=time_column(now=True))


class ToolChange(Named, table=True):
    """What a refresh found different; append-only. `change`: added, changed, removed or returned."""

    __table_args__ = (Index("tool_change_by_server", "server", "number"),)

    number: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    server: str = Field(sa_column=id_column())
    kind: str = Field(sa_column=id_column())
    name: str = Field(sa_column=id_column())
    change: str = Field(sa_column=text_column(nullable=False))
    before_hash: str | None = Field(sa_column=id_column(nullable=True))
    after_hash: str | None = Field(sa_column=id_column(nullable=True))
    at: datetime = Field(sa_column=time_column(now=True))


class ToolRule(Named, table=True):
    """A rule of the approval policy, `domain.tool_policy.Rule`."""

    number: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    rule: dict[str, Any] = Field(sa_column=json_column("{}"))
    created_at: datetime = Field(sa_column=time_column(now=True))


class ToolCall(Named, table=True):
    """The journal of tool calls. `state`: open, finished, failed or uncertain; see `tool_journal`.

    `arguments` and `answer` are `domain.content.Text`; `marker` names the step's launch at the server.
    """

    __table_args__ = (
        Index("tool_call_by_server", "server", "started_at"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    request_id: str = Field(sa_column=id_column(primary=True))
    slot: str = Field(sa_column=id_column(primary=True))
    round: int = Field(sa_column=number_column(primary=True))
    n: int = Field(sa_column=number_column(primary=True))
    launch: int = Field(sa_column=number_column())
    server: str = Field(sa_column=id_column())
    action_type: str = Field(sa_column=text_column(nullable=False))
    name: str = Field(sa_column=id_column())
    effect: str = Field(sa_column=text_column(nullable=False))
    arguments: dict[str, Any] = Field(sa_column=json_column("{}"))
    marker: str = Field(sa_column=id_column())
    may_repeat: bool = Field(sa_column=flag_column())
    state: str = Field(sa_column=text_column(nullable=False))
    process: str = Field(sa_column=text_column(nullable=False))
    answer: dict[str, Any] | None = Field(sa_column=json_column())
    marks: list[str] | None = Field(sa_column=json_column())
    found: bool = Field(sa_column=flag_column())
    error_code: str | None = Field(sa_column=text_column())
    error: str | None = Field(sa_column=text_column())
    started_at: datetime = Field(sa_column=time_column(now=True))
    finished_at: datetime | None = Field(sa_column=time_column())


class ToolToken(Named, table=True):
    """OAuth tokens and client registration, sealed for `tool_token/<server>/<owner>`; owner empty: shared by all."""

    server: str = Field(sa_column=id_column(primary=True))
    owner: str = Field(sa_column=id_column(primary=True))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    expires_at: datetime | None = Field(sa_column=time_column())
    updated_at: datetime = Field(sa_column=time_column(now=True))


class ToolSignIn(Named, table=True):
    """A sign-in under way. `code`: the authorization code, sealed for `tool_sign_in/<state>`."""

    state: str = Field(sa_column=id_column(primary=True))
    server: str = Field(sa_column=id_column())
    owner: str = Field(sa_column=id_column())
    url: str | None = Field(sa_column=text_column())
    code: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    created_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))
