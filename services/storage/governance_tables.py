"""The audit log, and settings with their versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlmodel import Field

from services.storage.columns import Named, id_column, json_column, number_column, text_column, time_column


class AuditEntry(Named, table=True):
    """Who did what to which object from where; append-only, by triggers (`functions/audit_guard.sql`).

    `actor`: who is answerable; `owner`: the user for whom it was done; `details`: what is worth knowing, no secret.
    """

    __table_args__ = (
        Index("audit_entry_by_time", "at", "id"),
        Index("audit_entry_by_tenant", "tenant", "at", "id"),
        Index("audit_entry_by_actor", "actor", "at", "id"),
        Index("audit_entry_by_owner", "owner", "at", "id"),
        Index("audit_entry_by_object", "object_id", "at", "id"),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = Field(sa_column=time_column(now=True))
    actor: str = Field(sa_column=id_column())
    owner: str = Field(sa_column=id_column())
    tenant: str = Field(sa_column=id_column())
    key_id: str | None = Field(sa_column=id_column(nullable=True))
    address: str | None = Field(sa_column=id_column(nullable=True))
    action: str = Field(sa_column=id_column())
    object_kind: str = Field(sa_column=id_column())
    object_id: str = Field(sa_column=id_column())
    details: dict[str, Any] = Field(sa_column=json_column("{}"))


class SettingVersion(Named, table=True):
    """Every value that a live setting was ever given. The one of the highest revision holds; null: the default."""

    name: str = Field(sa_column=id_column(primary=True))
    revision: int = Field(sa_column=number_column(primary=True))
    value: Any | None = Field(sa_column=json_column())
    actor: str = Field(sa_column=id_column())
    why: str = Field(sa_column=text_column(nullable=False))
    at: datetime = Field(sa_column=time_column(now=True))


class SettingClock(Named, table=True):
    """One row, counted up by every change of a setting: what processes look at to learn of it."""

    id: int = Field(sa_column=number_column(primary=True))
    version: int = Field(sa_column=number_column(big=True))
