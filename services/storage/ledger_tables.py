"""Wallets, the ledger, holds and budgets. Written by the SQL functions `longhaul_money_*` alone; read by everybody.

All amounts are micro-units. Accounts are named `wallet:<id>:available`, `wallet:<id>:held`, and by currency
`revenue:<code>`, `top_up:<code>`, `adjustment:<code>`, `loss:<code>`. The guarantees are described in docs/money.md.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Integer, text
from sqlmodel import Field

from services.storage.columns import Named, flag_column, id_column, json_column, number_column, text_column, time_column


def _maybe(kind: type[Integer]) -> Column[int]:
    return Column(kind, nullable=True)


class Wallet(Named, table=True):
    """What is charged. `floor_micros` null: a credit line without end, which has no balance row.

    `currency`: three letters. `closed_at`: since then it takes no new money and no new work.
    """

    __table_args__ = (
        Index("wallet_by_tenant", "tenant", "id"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="wallet_currency"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    tenant: str = Field(sa_column=id_column())
    name: str = Field(sa_column=text_column(nullable=False))
    currency: str = Field(sa_column=id_column())
    floor_micros: int | None = Field(sa_column=_maybe(BigInteger))
    created_at: datetime = Field(sa_column=time_column(now=True))
    closed_at: datetime | None = Field(sa_column=time_column())


class WalletBalance(Named, table=True):
    """The sums of a wallet's two accounts, kept in the transaction that writes the entries: of wallets with a floor."""

    __table_args__ = (
        CheckConstraint("available_micros >= floor_micros", name="wallet_balance_floor"),
        CheckConstraint("available_micros <= 1000000000000000000", name="wallet_balance_most"),
        CheckConstraint("held_micros >= 0", name="wallet_balance_held"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    wallet_id: str = Field(sa_column=id_column(primary=True))
    floor_micros: int = Field(sa_column=number_column(big=True))
    available_micros: int = Field(sa_column=number_column(big=True))
    held_micros: int = Field(sa_column=number_column(big=True))


class LedgerAccount(Named, table=True):
    """An account. `kind`: available, held (of a wallet); revenue, top_up, adjustment, loss (of a currency)."""

    __table_args__ = (
        Index("ledger_account_by_wallet", "wallet_id"),
        CheckConstraint(
            "kind IN ('available', 'held', 'revenue', 'top_up', 'adjustment', 'loss')", name="ledger_account_kind"
        ),
    )

    id: str = Field(sa_column=id_column(primary=True))
    kind: str = Field(sa_column=id_column())
    currency: str = Field(sa_column=id_column())
    wallet_id: str | None = Field(sa_column=id_column(nullable=True))


class LedgerTransaction(Named, table=True):
    """Why entries were made; append-only. (`kind`, `key`) is unique, so that nothing is booked twice.

    `kind`: hold, extend, post, release, top_up, adjust, refund. A posting tells its call (request, slot, round, n), the
    usage, and the price that was used; a refund the posting that it is of. `hold_id`: the root request's or call's id.
    """

    __table_args__ = (
        Index("ledger_transaction_once", "kind", "key", unique=True),
        Index("ledger_transaction_by_wallet", "wallet_id", "id"),
        Index("ledger_transaction_by_hold", "hold_id", postgresql_where=text("hold_id IS NOT NULL")),
        Index("ledger_transaction_refunds", "refund_of", postgresql_where=text("refund_of IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    kind: str = Field(sa_column=id_column())
    key: str = Field(sa_column=id_column())
    wallet_id: str = Field(sa_column=id_column())
    micros: int = Field(sa_column=number_column(big=True))
    reason: str | None = Field(sa_column=text_column())
    actor: str | None = Field(sa_column=id_column(nullable=True))
    hold_id: str | None = Field(sa_column=id_column(nullable=True))
    request_id: str | None = Field(sa_column=id_column(nullable=True))
    slot: str | None = Field(sa_column=id_column(nullable=True))
    round: int | None = Field(sa_column=_maybe(Integer))
    n: int | None = Field(sa_column=_maybe(Integer))
    price: dict[str, Any] | None = Field(sa_column=json_column())
    usage: dict[str, Any] | None = Field(sa_column=json_column())
    refund_of: int | None = Field(sa_column=_maybe(BigInteger))
    at: datetime = Field(sa_column=time_column(now=True))


class LedgerEntry(Named, table=True):
    """One side of a transaction; append-only. What an account receives is positive; a transaction sums to zero."""

    __table_args__ = (Index("ledger_entry_by_account", "account_id", "transaction_id", postgresql_include=["micros"]),)

    transaction_id: int = Field(sa_column=number_column(primary=True, big=True))
    account_id: str = Field(sa_column=id_column(primary=True))
    currency: str = Field(sa_column=id_column())
    micros: int = Field(sa_column=number_column(big=True))


class LedgerHold(Named, table=True):
    """Money and budgets that are set aside for a request or a call; `id` is its id. Sub-requests use their root's.

    Attributes:
        wanted_micros: What was asked for; `amount_micros`: what was set aside, raised by extensions.
        posted_micros: What postings took of it; `over_micros`: of what was available besides; `lost_micros`: of nobody.
        released_micros: What was given back when it ended. While open, amount less posted is still set aside.
        backed: The money is set aside too; false: budgets alone, of a credit line.
        state: `open`, `released`, or `expired`.
        subjects: Whose budgets count it, in the order of locks: `tenant:<id>`, `user:<id>`, `key:<id>`.
        reservations: `[{"budget": id, "since": period_start}]`: where it is counted as held, and later as spent.
        looked_at: When it was last found that something works under it.
    """

    __table_args__ = (
        Index("ledger_hold_open", "expires_at", postgresql_where=text("state = 'open'")),
        Index("ledger_hold_by_wallet", "wallet_id", "id"),
        CheckConstraint("posted_micros BETWEEN 0 AND amount_micros", name="ledger_hold_posted"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    id: str = Field(sa_column=id_column(primary=True))
    wallet_id: str = Field(sa_column=id_column())
    state: str = Field(sa_column=Column(id_column().type, nullable=False, server_default=text("'open'")))
    backed: bool = Field(sa_column=flag_column())
    wanted_micros: int = Field(sa_column=number_column(big=True))
    amount_micros: int = Field(sa_column=number_column(big=True))
    posted_micros: int = Field(sa_column=number_column(big=True))
    over_micros: int = Field(sa_column=number_column(big=True))
    lost_micros: int = Field(sa_column=number_column(big=True))
    released_micros: int = Field(sa_column=number_column(big=True))
    subjects: list[str] = Field(sa_column=json_column("[]"))
    reservations: list[dict[str, Any]] = Field(sa_column=json_column("[]"))
    created_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))
    closed_at: datetime | None = Field(sa_column=time_column())
    looked_at: datetime | None = Field(sa_column=time_column())


class Budget(Named, table=True):
    """What a subject (`tenant:<id>`, `user:<id>`, `key:<id>`) may spend in a period, in UTC. Work counts in its first.

    `hard`: work beyond it is refused; else it only alerts. `soft_percents`: at which shares of it there is an alert,
    which `webhook` is told of.
    """

    __table_args__ = (
        Index("budget_by_subject", "subject", "id"),
        Index("budget_by_tenant", "tenant", "id"),
        CheckConstraint("period IN ('day', 'month', 'total')", name="budget_period"),
        CheckConstraint("limit_micros BETWEEN 0 AND 1000000000000000", name="budget_limit"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    tenant: str = Field(sa_column=id_column())
    subject: str = Field(sa_column=id_column())
    period: str = Field(sa_column=id_column())
    limit_micros: int = Field(sa_column=number_column(big=True))
    soft_percents: list[int] = Field(sa_column=json_column("[]"))
    hard: bool = Field(sa_column=Column(flag_column().type, nullable=False, server_default=text("true")))
    webhook: str | None = Field(sa_column=text_column())
    created_by: str = Field(sa_column=id_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class BudgetUse(Named, table=True):
    """What of a budget is spent and set aside in one period; `period_start` of a total is 1970."""

    __table_args__ = (
        CheckConstraint("spent_micros >= 0 AND held_micros >= 0", name="budget_use_amounts"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    budget_id: str = Field(sa_column=id_column(primary=True))
    period_start: datetime = Field(sa_column=Column(time_column(now=True).type, primary_key=True))
    spent_micros: int = Field(sa_column=number_column(big=True))
    held_micros: int = Field(sa_column=number_column(big=True))


class BudgetAlert(Named, table=True):
    """A soft limit that was reached, written by the posting that reached it. `told_at` null: nobody was told yet.

    `state`: pending, told, gave_up; `attempts`, `status`, `error`: how the telling went.
    """

    __table_args__ = (
        Index("budget_alert_once", "budget_id", "period_start", "percent", unique=True),
        Index("budget_alert_pending", "id", postgresql_where=text("state = 'pending'")),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    budget_id: str = Field(sa_column=id_column())
    period_start: datetime = Field(sa_column=time_column(now=True))
    percent: int = Field(sa_column=number_column())
    spent_micros: int = Field(sa_column=number_column(big=True))
    limit_micros: int = Field(sa_column=number_column(big=True))
    state: str = Field(sa_column=Column(id_column().type, nullable=False, server_default=text("'pending'")))
    attempts: int = Field(sa_column=number_column())
    status: int | None = Field(sa_column=_maybe(Integer))
    error: str | None = Field(sa_column=text_column())
    at: datetime = Field(sa_column=time_column(now=True))
    told_at: datetime | None = Field(sa_column=time_column())
