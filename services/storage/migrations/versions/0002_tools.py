"""Tool servers: their configuration, what they offer, the policy, the journal of calls, tokens.

Revision: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_index("request_awaiting", "request", ["id"], postgresql_where=sa.text("open_items->'approvals' <> '{}'"))
    _tool_call()
    _tool_capability()
    _tool_change()
    _tool_contract()
    _tool_rule()
    _tool_server()
    _tool_sign_in()
    _tool_token()


def downgrade() -> None:
    """Take it back."""
    op.drop_index("tool_change_by_server", table_name="tool_change")
    op.drop_table("tool_token")
    op.drop_table("tool_sign_in")
    op.drop_table("tool_server")
    op.drop_table("tool_rule")
    op.drop_table("tool_contract")
    op.drop_table("tool_change")
    op.drop_table("tool_capability")
    op.drop_index("tool_call_by_server", table_name="tool_call")
    op.drop_table("tool_call")
    op.drop_index("request_awaiting", table_name="request")


def _tool_call() -> None:
    op.create_table(
        "tool_call",
        sa.Column("request_id", sa.Text(collation="C"), nullable=False),
        sa.Column("slot", sa.Text(collation="C"), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("launch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("server", sa.Text(collation="C"), nullable=False),
        sa.Column("action_type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("arguments", postgresql.JSONB(none_as_null=True), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("marker", sa.Text(collation="C"), nullable=False),
        sa.Column("may_repeat", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("marks", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("found", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("request_id", "slot", "round", "n"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("tool_call_by_server", "tool_call", ["server", "started_at"], unique=False)


def _tool_capability() -> None:
    op.create_table(
        "tool_capability",
        sa.Column("server", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("hash", sa.Text(collation="C"), nullable=False),
        sa.Column("approved_hash", sa.Text(collation="C"), nullable=True),
        sa.Column("effect", sa.Text(), nullable=True),
        sa.Column("present", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "first_seen", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("server", "kind", "name"),
    )


def _tool_change() -> None:
    op.create_table(
        "tool_change",
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("server", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("before_hash", sa.Text(collation="C"), nullable=True),
        sa.Column("after_hash", sa.Text(collation="C"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("tool_change_by_server", "tool_change", ["server", "number"], unique=False)


def _tool_contract() -> None:
    op.create_table(
        "tool_contract",
        sa.Column("hash", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "capability",
            postgresql.JSONB(none_as_null=True),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("hash"),
    )


def _tool_rule() -> None:
    op.create_table(
        "tool_rule",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "rule",
            postgresql.JSONB(none_as_null=True),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("number"),
    )


def _tool_server() -> None:
    op.create_table(
        "tool_server",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("reach", sa.LargeBinary(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column(
            "options",
            postgresql.JSONB(none_as_null=True),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_hash", sa.Text(), nullable=True),
        sa.Column(
            "state",
            postgresql.JSONB(none_as_null=True),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
    )


def _tool_sign_in() -> None:
    op.create_table(
        "tool_sign_in",
        sa.Column("state", sa.Text(collation="C"), nullable=False),
        sa.Column("server", sa.Text(collation="C"), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("state"),
    )


def _tool_token() -> None:
    op.create_table(
        "tool_token",
        sa.Column("server", sa.Text(collation="C"), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("server", "owner"),
    )
    # ### end Alembic commands ###
