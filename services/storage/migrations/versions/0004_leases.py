"""Leases on accounts, who waits for them, breakers, paces, sessions, totals.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    _lease()
    _lease_waiter()
    _account_usage()
    _breaker()
    _deployment_pace()
    _sticky_session()
    _pool_total()


def downgrade() -> None:
    """Take it back."""
    op.drop_table("pool_total")
    op.drop_table("sticky_session")
    op.drop_table("deployment_pace")
    op.drop_table("breaker")
    op.drop_table("account_usage")
    op.drop_table("lease_waiter")
    op.drop_table("lease")


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("call_id", sa.Text(collation="C"), nullable=False),
        sa.Column("deployment_id", sa.Text(collation="C"), nullable=False),
        sa.Column("account_id", sa.Text(collation="C"), nullable=False),
        sa.Column("route", sa.Text(collation="C"), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("counted_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_token_ms", sa.Integer(), nullable=True),
        sa.Column("total_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rolled_up", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "lease_to_roll_up",
        "lease",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NOT NULL AND NOT rolled_up"),
    )
    op.create_index("lease_by_end", "lease", ["ended_at"], unique=False)
    op.create_index(
        "lease_counted",
        "lease",
        ["account_id", "counted_from"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index(
        "lease_open", "lease", ["account_id", "expires_at"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )


def _lease_waiter() -> None:
    op.create_table(
        "lease_waiter",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("route", sa.Text(collation="C"), nullable=False),
        sa.Column("accounts", postgresql.JSONB(none_as_null=True), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fairness_key", sa.Text(collation="C"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "expected_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("lease_waiter_in_order", "lease_waiter", ["rank", "turn", "since", "id"], unique=False)
    op.create_index("lease_waiter_by_key", "lease_waiter", ["fairness_key", "rank", "turn"], unique=False)


def _account_usage() -> None:
    op.create_table(
        "account_usage",
        sa.Column("account_id", sa.Text(collation="C"), nullable=False),
        sa.Column("span_s", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requests", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "span_s", "starts_at"),
        postgresql_with={"fillfactor": 50},
    )


def _breaker() -> None:
    op.create_table(
        "breaker",
        sa.Column("scope", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'closed'"), nullable=False),
        sa.Column("data", postgresql.JSONB(none_as_null=True), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe", sa.Text(), nullable=True),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("scope"),
    )


def _deployment_pace() -> None:
    op.create_table(
        "deployment_pace",
        sa.Column("deployment_id", sa.Text(collation="C"), nullable=False),
        sa.Column("first_token_ms", sa.Float(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("deployment_id"),
        postgresql_with={"fillfactor": 50},
    )


def _sticky_session() -> None:
    op.create_table(
        "sticky_session",
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("route", sa.Text(collation="C"), nullable=False),
        sa.Column("session", sa.Text(collation="C"), nullable=False),
        sa.Column("deployment_id", sa.Text(collation="C"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("owner", "route", "session"),
    )


def _pool_total() -> None:
    op.create_table(
        "pool_total",
        sa.Column("account_id", sa.Text(collation="C"), nullable=False),
        sa.Column("deployment_id", sa.Text(collation="C"), nullable=False),
        sa.Column("route", sa.Text(collation="C"), nullable=False),
        sa.Column("outcome", sa.Text(collation="C"), nullable=False),
        sa.Column("calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_token_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("buckets", postgresql.JSONB(none_as_null=True), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "deployment_id", "route", "outcome"),
    )
