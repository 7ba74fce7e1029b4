"""Limits of callers.

Revision: 0008
Revises: 0007
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    _caller_limit()
    _caller_limit_version()
    _caller_window()
    _caller_use()
    op.execute("INSERT INTO caller_limit_version (id, version) VALUES (1, 1)")


def downgrade() -> None:
    """Take it back."""
    op.drop_table("caller_use")
    op.drop_table("caller_window")
    op.drop_table("caller_limit_version")
    op.drop_table("caller_limit")


def _caller_limit() -> None:
    op.create_table(
        "caller_limit",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("window_s", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("amount", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _time("created_at"),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("caller_limit_once", "caller_limit", ["subject", "kind", "window_s"], unique=True)
    op.create_index("caller_limit_by_tenant", "caller_limit", ["tenant", "id"], unique=False)


def _caller_limit_version() -> None:
    op.create_table(
        "caller_limit_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _caller_window() -> None:
    op.create_table(
        "caller_window",
        sa.Column("limit_id", sa.Text(collation="C"), nullable=False),
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _time("leaves_at"),
        sa.PrimaryKeyConstraint("limit_id", "slot"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("caller_window_by_time", "caller_window", ["leaves_at"], unique=False)


def _caller_use() -> None:
    op.create_table(
        "caller_use",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("limit_id", sa.Text(collation="C"), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("used", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _time("taken_at"),
        _time("expires_at"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", "limit_id"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("caller_use_by_limit", "caller_use", ["limit_id", "expires_at"], unique=False)


def _time(name: str) -> sa.Column[datetime]:
    """Return a column for a point in time: the insertion's unless told."""
    default = sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=False)
