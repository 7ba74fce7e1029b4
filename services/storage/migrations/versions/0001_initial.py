"""The initial schema; the SQL functions are renewed by every `migrate` (see `services.storage.migrate`).

Revision: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    _blob()
    _idempotency()
    _model_call()
    _plan_version()
    _project_context()
    _request()
    _request_event()
    _step_run()


def downgrade() -> None:
    """Take it back."""
    op.drop_table("step_run")
    op.drop_index("request_event_once", table_name="request_event")
    op.drop_table("request_event")
    op.drop_index("request_by_user", table_name="request")
    op.drop_index("request_by_owner", table_name="request")
    op.drop_index("request_by_conversation", table_name="request")
    op.drop_table("request")
    op.drop_table("project_context")
    op.drop_table("plan_version")
    op.drop_table("model_call")
    op.drop_table("idempotency")
    op.drop_table("blob")


def _blob() -> None:
    op.create_table(
        "blob",
        sa.Column("ref", sa.Text(collation="C"), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("ref"),
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("route", sa.Text(collation="C"), nullable=False),
        sa.Column("key_hash", sa.Text(collation="C"), nullable=False),
        sa.Column("body_hash", sa.Text(collation="C"), nullable=False),
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("owner", "route", "key_hash"),
    )


def _model_call() -> None:
    op.create_table(
        "model_call",
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column("slot", sa.Text(collation="C"), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("answer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("refused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("usage", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("request_id", "slot", "round", "n"),
        postgresql_with={"fillfactor": 70},
    )


def _plan_version() -> None:
    op.create_table(
        "plan_version",
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "plan",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("request_id", "version"),
    )


def _project_context() -> None:
    op.create_table(
        "project_context",
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "data",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("source_hash", sa.Text(), nullable=True),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("owner"),
    )


def _request() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("user_id", sa.Text(collation="C"), nullable=True),
        sa.Column("conversation_id", sa.Text(collation="C"), nullable=True),
        sa.Column("parent_id", sa.Text(collation="C"), nullable=True),
        sa.Column("parent_step_id", sa.Text(collation="C"), nullable=True),
        sa.Column("depth", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "message",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "options",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("simulated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("forked_from", sa.Text(collation="C"), nullable=True),
        sa.Column("phase", sa.Text(), server_default=sa.text("'accepted'"), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("not_started", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("processed_input", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("plan_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "open_items",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text('\'{"questions": {}, "approvals": {}}\''),
            nullable=False,
        ),
        sa.Column("last_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("request_by_conversation", "request", ["owner", "conversation_id", "id"], unique=False)
    op.create_index("request_by_owner", "request", ["owner", "id"], unique=False)
    op.create_index("request_by_user", "request", ["owner", "user_id", "id"], unique=False)


def _request_event() -> None:
    op.create_table(
        "request_event",
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("type", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("source_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "data",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("request_id", "seq"),
    )
    op.create_index("request_event_once", "request_event", ["request_id", "source", "source_seq"], unique=True)


def _step_run() -> None:
    op.create_table(
        "step_run",
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column("step_id", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("round", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ended_round", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("child", sa.Text(), nullable=True),
        sa.Column("result", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("evaluation", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("feedback", sa.Text(), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("request_id", "step_id"),
        postgresql_with={"fillfactor": 70},
    )
