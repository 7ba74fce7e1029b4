"""What the checks of the ledger read and leave: which budgets a posting counted in, what checks found, alarms."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlmodel import Field

from services.storage.columns import Named, flag_column, id_column, json_column, number_column, time_column


class BudgetPosting(Named, table=True):
    """A posting that counted in a budget, and in which period; append-only. `budget_use` is the sum of these."""

    __table_args__ = (Index("budget_posting_by_budget", "budget_id", "period_start", postgresql_include=["micros"]),)

    transaction_id: int = Field(sa_column=number_column(primary=True, big=True))
    budget_id: str = Field(sa_column=id_column(primary=True))
    period_start: datetime = Field(sa_column=time_column(now=True))
    micros: int = Field(sa_column=number_column(big=True))


class LedgerCheck(Named, table=True):
    """What the last check of an invariant found. `broken`: how many rows; `sample`: some of them.

    `full_at`: when it was last checked over the whole ledger, and not only over what is new; null: never yet.
    """

    invariant: str = Field(sa_column=id_column(primary=True))
    broken: int = Field(sa_column=number_column(big=True))
    sample: list[str] = Field(sa_column=json_column("[]"))
    checked_at: datetime = Field(sa_column=time_column(now=True))
    full_at: datetime | None = Field(sa_column=time_column())


class LedgerAlarm(Named, table=True):
    """An invariant began to be broken, or more rows were, or (`over`) it holds again."""

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = Field(sa_column=time_column(now=True))
    invariant: str = Field(sa_column=id_column())
    broken: int = Field(sa_column=number_column(big=True))
    over: bool = Field(sa_column=flag_column())
    sample: list[str] = Field(sa_column=json_column("[]"))
