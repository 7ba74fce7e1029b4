"""Columns as the tables use them. Ids are ASCII and compared by byte (collation C)."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import declared_attr
from sqlmodel import SQLModel


def id_column(*, primary: bool = False, nullable: bool = False) -> Column[str]:
    """Return a column for an id or another short ASCII text."""
    return Column(Text(collation="C"), primary_key=primary, nullable=nullable)


def text_column(*, nullable: bool = True) -> Column[str]:
    """Return a column for a text."""
    return Column(Text, nullable=nullable)


def json_column(default: str | None = None) -> Column[Any]:
    """Return a column for JSON; without a default it may be null."""
    return Column(JSONB(none_as_null=True), nullable=default is None, server_default=default and text(f"'{default}'"))


def number_column(*, primary: bool = False, big: bool = False) -> Column[int]:
    """Return a column for a number, 0 unless told."""
    kind = BigInteger if big else Integer
    if primary:
        return Column(kind, primary_key=True, autoincrement=False)
    return Column(kind, nullable=False, server_default=text("0"))


def flag_column() -> Column[bool]:
    """Return a column for a flag, false unless told."""
    return Column(Boolean, nullable=False, server_default=text("false"))


def time_column(*, now: bool = False) -> Column[datetime]:
    """Return a column for a point in time; `now`: it is the insertion's unless told, else it may be null."""
    default = text("clock_timestamp()") if now else None
    return Column(DateTime(timezone=True), nullable=not now, server_default=default)


class Named(SQLModel):
    """A table called like its class: `PlanVersion` is `plan_version`."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805  # pyright: ignore[reportIncompatibleVariableOverride]  SQLModel says so
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
