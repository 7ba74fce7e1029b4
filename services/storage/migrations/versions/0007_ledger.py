"""Wallets, ledger, holds, budgets.

Revision: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = (
    "budget_alert",
    "budget_use",
    "budget",
    "ledger_hold",
    "ledger_entry",
    "ledger_transaction",
    "ledger_account",
    "wallet_balance",
    "wallet",
)
_PAID_BY = ("tenant", "key_id", "wallet_id", "hold_id")


def upgrade() -> None:
    """Apply the revision."""
    for column in _PAID_BY:
        op.add_column("request", sa.Column(column, sa.Text(collation="C"), nullable=True))
    op.execute("DROP FUNCTION IF EXISTS longhaul_call_accept(text, text, text, text, bytea, text, text, text)")
    _wallet()
    _wallet_balance()
    _ledger_account()
    _ledger_transaction()
    _ledger_entry()
    _ledger_hold()
    _budget()
    _budget_use()
    _budget_alert()
    _guard()
    _first_wallet()


def downgrade() -> None:
    """Take it back; what was booked is lost."""
    op.execute(_DROP_MONEY)
    for table in _TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION longhaul_ledger_guard()")
    op.execute("DROP FUNCTION longhaul_ledger_balanced()")
    for column in reversed(_PAID_BY):
        op.drop_column("request", column)


_DROP_MONEY = """
    DO $$ DECLARE f regprocedure; BEGIN
        FOR f IN SELECT p.oid FROM pg_proc p WHERE p.proname LIKE 'longhaul\\_money\\_%' LOOP
            EXECUTE 'DROP FUNCTION ' || f;
        END LOOP;
    END $$"""


def _wallet() -> None:
    op.create_table(
        "wallet",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(collation="C"), nullable=False),
        sa.Column("floor_micros", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="wallet_currency"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("wallet_by_tenant", "wallet", ["tenant", "id"], unique=False)


def _wallet_balance() -> None:
    op.create_table(
        "wallet_balance",
        sa.Column("wallet_id", sa.Text(collation="C"), nullable=False),
        sa.Column("floor_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("available_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("available_micros <= 1000000000000000000", name="wallet_balance_most"),
        sa.CheckConstraint("available_micros >= floor_micros", name="wallet_balance_floor"),
        sa.CheckConstraint("held_micros >= 0", name="wallet_balance_held"),
        sa.PrimaryKeyConstraint("wallet_id"),
        postgresql_with={"fillfactor": 50},
    )


def _ledger_account() -> None:
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.Text(collation="C"), nullable=False),
        sa.Column("wallet_id", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint(
            "kind IN ('available', 'held', 'revenue', 'top_up', 'adjustment', 'loss')", name="ledger_account_kind"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ledger_account_by_wallet", "ledger_account", ["wallet_id"], unique=False)


def _ledger_transaction() -> None:
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("wallet_id", sa.Text(collation="C"), nullable=False),
        sa.Column("micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(collation="C"), nullable=True),
        sa.Column("hold_id", sa.Text(collation="C"), nullable=True),
        sa.Column("request_id", sa.Text(collation="C"), nullable=True),
        sa.Column("slot", sa.Text(collation="C"), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.Column("price", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("usage", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("refund_of", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ledger_transaction_by_hold",
        "ledger_transaction",
        ["hold_id"],
        unique=False,
        postgresql_where=sa.text("hold_id IS NOT NULL"),
    )
    op.create_index("ledger_transaction_by_wallet", "ledger_transaction", ["wallet_id", "id"], unique=False)
    op.create_index("ledger_transaction_once", "ledger_transaction", ["kind", "key"], unique=True)
    op.create_index(
        "ledger_transaction_refunds",
        "ledger_transaction",
        ["refund_of"],
        unique=False,
        postgresql_where=sa.text("refund_of IS NOT NULL"),
    )


def _ledger_entry() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("transaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.Text(collation="C"), nullable=False),
        sa.Column("currency", sa.Text(collation="C"), nullable=False),
        sa.Column("micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", "account_id"),
    )
    op.create_index(
        "ledger_entry_by_account",
        "ledger_entry",
        ["account_id", "transaction_id"],
        unique=False,
        postgresql_include=["micros"],
    )


def _ledger_hold() -> None:
    op.create_table(
        "ledger_hold",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("wallet_id", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), server_default=sa.text("'open'"), nullable=False),
        sa.Column("backed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("wanted_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("posted_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("over_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("released_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("subjects", postgresql.JSONB(none_as_null=True), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("reservations", postgresql.JSONB(none_as_null=True), server_default=sa.text("'[]'"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("posted_micros BETWEEN 0 AND amount_micros", name="ledger_hold_posted"),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ledger_hold_by_wallet", "ledger_hold", ["wallet_id", "id"], unique=False)
    op.create_index(
        "ledger_hold_open", "ledger_hold", ["expires_at"], unique=False, postgresql_where=sa.text("state = 'open'")
    )


def _budget() -> None:
    op.create_table(
        "budget",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("period", sa.Text(collation="C"), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("soft_percents", postgresql.JSONB(none_as_null=True), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("hard", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("webhook", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("period IN ('day', 'month', 'total')", name="budget_period"),
        sa.CheckConstraint("limit_micros BETWEEN 0 AND 1000000000000000", name="budget_limit"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("budget_by_subject", "budget", ["subject", "id"], unique=False)
    op.create_index("budget_by_tenant", "budget", ["tenant", "id"], unique=False)


def _budget_use() -> None:
    op.create_table(
        "budget_use",
        sa.Column("budget_id", sa.Text(collation="C"), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("spent_micros >= 0 AND held_micros >= 0", name="budget_use_amounts"),
        sa.PrimaryKeyConstraint("budget_id", "period_start"),
        postgresql_with={"fillfactor": 50},
    )


def _budget_alert() -> None:
    op.create_table(
        "budget_alert",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("budget_id", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "period_start", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("percent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("spent_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("limit_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("budget_alert_once", "budget_alert", ["budget_id", "period_start", "percent"], unique=True)
    op.create_index(
        "budget_alert_pending", "budget_alert", ["id"], unique=False, postgresql_where=sa.text("state = 'pending'")
    )


def _guard() -> None:
    """Entries and transactions are append-only and balanced; `functions/ledger_*.sql` replace the functions' bodies."""
    for name in ("guard", "balanced"):
        op.execute(
            f"CREATE OR REPLACE FUNCTION longhaul_ledger_{name}() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation'; END $$"
        )
    for table in ("ledger_transaction", "ledger_entry"):
        op.execute(
            f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION longhaul_ledger_guard()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION longhaul_ledger_guard()"
        )
    op.execute(
        "CREATE CONSTRAINT TRIGGER ledger_entry_balanced AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION longhaul_ledger_balanced()"
    )


def _first_wallet() -> None:
    """The operating tenant's wallet: a credit line without end (`domain.caller.LOCAL_TENANT`)."""
    op.execute("INSERT INTO wallet (id, tenant, name, currency) VALUES ('default', 'default', 'default', 'USD')")
    op.execute(
        "INSERT INTO ledger_account (id, kind, currency, wallet_id) VALUES "
        "('wallet:default:available', 'available', 'USD', 'default'), "
        "('wallet:default:held', 'held', 'USD', 'default'), "
        "('revenue:USD', 'revenue', 'USD', NULL), ('top_up:USD', 'top_up', 'USD', NULL), "
        "('adjustment:USD', 'adjustment', 'USD', NULL), ('loss:USD', 'loss', 'USD', NULL)"
    )
