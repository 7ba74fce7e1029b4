"""Audit log and settings.

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    _audit_entry()
    _audit_guard()
    _settings()


def downgrade() -> None:
    """Take it back."""
    op.drop_table("setting_clock")
    op.drop_table("setting_version")
    op.drop_table("audit_entry")
    op.execute("DROP FUNCTION IF EXISTS longhaul_audit_purge(timestamptz, int)")
    op.execute("DROP FUNCTION longhaul_audit_guard()")


def _audit_entry() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor", sa.Text(collation="C"), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("tenant", sa.Text(collation="C"), nullable=False),
        sa.Column("key_id", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(collation="C"), nullable=True),
        sa.Column("action", sa.Text(collation="C"), nullable=False),
        sa.Column("object_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("object_id", sa.Text(collation="C"), nullable=False),
        sa.Column("details", postgresql.JSONB(none_as_null=True), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audit_entry_by_time", "audit_entry", ["at", "id"], unique=False)
    op.create_index("audit_entry_by_tenant", "audit_entry", ["tenant", "at", "id"], unique=False)
    op.create_index("audit_entry_by_actor", "audit_entry", ["actor", "at", "id"], unique=False)
    op.create_index("audit_entry_by_owner", "audit_entry", ["owner", "at", "id"], unique=False)
    op.create_index("audit_entry_by_object", "audit_entry", ["object_id", "at", "id"], unique=False)


def _audit_guard() -> None:
    """Refuse every change; the function's body is replaced by `functions/audit_guard.sql` in the same migration."""
    op.execute(
        "CREATE OR REPLACE FUNCTION longhaul_audit_guard() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit_entry is append-only' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_rows BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION longhaul_audit_guard()"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_whole BEFORE TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION longhaul_audit_guard()"
    )


def _settings() -> None:
    op.create_table(
        "setting_version",
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("actor", sa.Text(collation="C"), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("name", "revision"),
    )
    op.create_table(
        "setting_clock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO setting_clock (id) VALUES (1)")
