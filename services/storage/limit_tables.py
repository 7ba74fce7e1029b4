"""Limits of callers, and what has been used of them."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from services.storage.columns import Named, id_column, number_column, time_column

_BUSY = {"postgresql_with": {"fillfactor": 70}}


class CallerLimit(Named, table=True):
    """A limit (`domain.caller_limits`) of a `subject`: `tenant:<id>`, `user:<id>` or `key:<public part>`.

    `tenant`: whose admins see it. The row's lock is the turn to count: whoever takes from the limit holds it.
    """

    __table_args__ = (
        Index("caller_limit_once", "subject", "kind", "window_s", unique=True),
        Index("caller_limit_by_tenant", "tenant", "id"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    tenant: str = Field(sa_column=id_column())
    subject: str = Field(sa_column=id_column())
    kind: str = Field(sa_column=id_column())
    window_s: int = Field(sa_column=number_column())
    amount: int = Field(sa_column=number_column(big=True))
    revision: int = Field(sa_column=number_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class CallerLimitVersion(Named, table=True):
    """One row, counted up by every change of the limits: what processes look at to learn of it."""

    id: int = Field(sa_column=number_column(primary=True))
    version: int = Field(sa_column=number_column(big=True))


class CallerWindow(Named, table=True):
    """What was taken of a limit within one sixtieth of its window; it counts until `leaves_at`."""

    __table_args__ = (Index("caller_window_by_time", "leaves_at"), _BUSY)

    limit_id: str = Field(sa_column=id_column(primary=True))
    slot: int = Field(sa_column=number_column(primary=True, big=True))
    used: int = Field(sa_column=number_column(big=True))
    leaves_at: datetime = Field(sa_column=time_column(now=True))


class CallerUse(Named, table=True):
    """A call or request under way, for each limit of tokens or of concurrency that it counts towards.

    `reserved`: its tokens by estimate; `used`: by count, once it has ended. Ended ones are booked and removed by
    whoever has the limit's turn next, so that an end waits for nobody. One that never ends counts until `expires_at`.
    """

    __table_args__ = (Index("caller_use_by_limit", "limit_id", "expires_at"), _BUSY)

    id: str = Field(sa_column=id_column(primary=True))
    limit_id: str = Field(sa_column=id_column(primary=True))
    reserved: int = Field(sa_column=number_column(big=True))
    used: int = Field(sa_column=number_column(big=True))
    taken_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))
    ended_at: datetime | None = Field(sa_column=time_column())
