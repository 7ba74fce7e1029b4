"""Texts that only calls of the gateway have put may be removed with them.

Revision: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision. Of texts that are there already nobody knows who has put them: they stay."""
    op.add_column("blob", sa.Column("of_calls", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.alter_column("blob", "created_at", new_column_name="put_at")
    op.create_index("blob_of_calls", "blob", ["put_at"], unique=False, postgresql_where=sa.text("of_calls"))


def downgrade() -> None:
    """Take it back."""
    op.drop_index("blob_of_calls", "blob")
    op.alter_column("blob", "put_at", new_column_name="created_at")
    op.drop_column("blob", "of_calls")
