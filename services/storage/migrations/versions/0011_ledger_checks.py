"""What the checks of the ledger read and leave.

Revision: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_NONE = sa.text("'[]'")


def upgrade() -> None:
    """Apply the revision."""
    op.add_column("ledger_hold", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("request_of_hold", "request", ["hold_id"], unique=False, postgresql_where=sa.text("hold_id <> id"))
    _budget_posting()
    op.create_table(
        "ledger_check",
        sa.Column("invariant", sa.Text(collation="C"), nullable=False),
        sa.Column("broken", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sample", postgresql.JSONB(none_as_null=True), server_default=_NONE, nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("invariant"),
    )
    op.create_table(
        "ledger_alarm",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("invariant", sa.Text(collation="C"), nullable=False),
        sa.Column("broken", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("sample", postgresql.JSONB(none_as_null=True), server_default=_NONE, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    """Take it back."""
    for table in ("ledger_alarm", "ledger_check", "budget_posting"):
        op.drop_table(table)
    op.drop_index("request_of_hold", "request")
    op.drop_column("ledger_hold", "looked_at")


def _budget_posting() -> None:
    op.create_table(
        "budget_posting",
        sa.Column("transaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("budget_id", sa.Text(collation="C"), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", "budget_id"),
    )
    op.create_index(
        "budget_posting_by_budget",
        "budget_posting",
        ["budget_id", "period_start"],
        unique=False,
        postgresql_include=["micros"],
    )
    op.execute(
        "CREATE TRIGGER budget_posting_rows BEFORE UPDATE OR DELETE ON budget_posting "
        "FOR EACH ROW EXECUTE FUNCTION longhaul_ledger_guard()"
    )
    op.execute(
        "CREATE TRIGGER budget_posting_whole BEFORE TRUNCATE ON budget_posting "
        "FOR EACH STATEMENT EXECUTE FUNCTION longhaul_ledger_guard()"
    )
