"""Calls of the gateway: their kind of row, kept answers, the log of API calls.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.add_column("request", sa.Column("kind", sa.Text(), server_default=sa.text("'request'"), nullable=False))
    _model_call()
    _cached_answer()
    _webhook_delivery()
    _api_call()
    _purging()


def downgrade() -> None:
    """Take it back."""
    op.drop_table("purge_mark")
    op.drop_index("idempotency_by_request", "idempotency")
    op.drop_table("api_call")
    op.drop_table("webhook_delivery")
    op.drop_table("cached_answer")
    op.drop_column("model_call", "price")
    op.drop_column("model_call", "deployment")
    op.drop_column("request", "kind")


def _model_call() -> None:
    """The journal tells who was asked and at what price; functions of another signature are dropped."""
    op.execute(
        "DROP FUNCTION IF EXISTS longhaul_call_open(text, text[], bigint[], text[], text[], text, int, text, int, text)"
    )
    op.execute("DROP FUNCTION IF EXISTS longhaul_call_begin(text, text, int, text, int, text)")
    op.add_column(
        "model_call", sa.Column("deployment", sa.Text(collation="C"), server_default=sa.text("''"), nullable=False)
    )
    op.add_column(
        "model_call",
        sa.Column("price", postgresql.JSONB(none_as_null=True), server_default=sa.text("'{}'"), nullable=False),
    )


def _cached_answer() -> None:
    op.create_table(
        "cached_answer",
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("call_id", sa.Text(collation="C"), nullable=False),
        sa.Column("outcome", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("owner", "key"),
    )
    op.create_index("cached_answer_by_expiry", "cached_answer", ["expires_at"], unique=False)


def _webhook_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("call_id", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(collation="C"), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("call_id"),
    )


def _api_call() -> None:
    op.create_table(
        "api_call",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=True),
        sa.Column("method", sa.Text(collation="C"), nullable=False),
        sa.Column("route", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("duration_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("call_id", sa.Text(collation="C"), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("deployment", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("first_token_ms", sa.Integer(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("details", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("api_call_by_call", "api_call", ["call_id"], unique=False)
    op.create_index("api_call_by_owner", "api_call", ["owner", "id"], unique=False)


def _purging() -> None:
    op.create_index("idempotency_by_request", "idempotency", ["request_id"], unique=False)
    op.create_table(
        "purge_mark",
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("after", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
