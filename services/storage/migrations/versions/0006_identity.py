"""Users, tenants, roles, keys, sessions.

The operating tenant, its first user and what the built-in roles may use are rows of the revision itself: whatever was
made before there were users is theirs. The first key is made at the first start (`services.identity.bootstrap`).

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.storage.migrations import sign_in
from services.storage.migrations.sign_in import id_column, now_column, time_column

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the revision."""
    for make in _TABLES.values():
        make()
    _first_rows()


def downgrade() -> None:
    """Take it back."""
    for name in reversed(_TABLES):
        op.drop_table(name)


def _tenant() -> None:
    op.create_table(
        "tenant",
        id_column("id"),
        sa.Column("name", sa.Text(), nullable=False),
        id_column("skeleton"),
        sa.Column("operates", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("wallet", sa.Text(collation="C"), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        time_column("disabled_at"),
        now_column("created_at"),
        now_column("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tenant_by_skeleton", "tenant", ["skeleton"], unique=True)


def _app_user() -> None:
    op.create_table(
        "app_user",
        id_column("id"),
        id_column("tenant"),
        id_column("kind"),
        sa.Column("name", sa.Text(), nullable=False),
        id_column("skeleton"),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("managed_by", sa.Text(collation="C"), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        time_column("disabled_at"),
        now_column("created_at"),
        now_column("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("app_user_by_skeleton", "app_user", ["skeleton"], unique=True)
    op.create_index("app_user_by_tenant", "app_user", ["tenant", "id"], unique=False)


def _role() -> None:
    op.create_table(
        "role",
        id_column("tenant"),
        id_column("name"),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "permissions", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        now_column("created_at"),
        now_column("updated_at"),
        sa.PrimaryKeyConstraint("tenant", "name"),
    )


def _user_role() -> None:
    op.create_table(
        "user_role",
        id_column("user_id"),
        id_column("role"),
        sa.PrimaryKeyConstraint("user_id", "role"),
    )
    op.create_index("user_role_by_role", "user_role", ["role", "user_id"], unique=False)


def _access_grant() -> None:
    op.create_table(
        "access_grant",
        id_column("id"),
        id_column("tenant"),
        id_column("subject_kind"),
        id_column("subject"),
        id_column("kind"),
        id_column("pattern"),
        now_column("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("access_grant_by_tenant", "access_grant", ["tenant", "id"], unique=False)
    op.create_index(
        "access_grant_once", "access_grant", ["tenant", "subject_kind", "subject", "kind", "pattern"], unique=True
    )


def _api_key() -> None:
    op.create_table(
        "api_key",
        id_column("id"),
        id_column("tenant"),
        id_column("user_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("grants", postgresql.JSONB(none_as_null=True), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("networks", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("wallet", sa.Text(collation="C"), nullable=True),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        time_column("expires_at"),
        time_column("disabled_at"),
        time_column("revoked_at"),
        time_column("last_used_at"),
        id_column("created_by"),
        now_column("created_at"),
        now_column("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("api_key_by_tenant", "api_key", ["tenant", "id"], unique=False)
    op.create_index("api_key_by_user", "api_key", ["user_id", "id"], unique=False)


def _api_key_secret() -> None:
    op.create_table(
        "api_key_secret",
        id_column("key_id"),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("rotation_id", sa.Text(collation="C"), nullable=True),
        time_column("expires_at"),
        now_column("created_at"),
        sa.PrimaryKeyConstraint("key_id", "generation"),
    )
    op.create_index("api_key_secret_by_rotation", "api_key_secret", ["key_id", "rotation_id"], unique=True)


def _identity_secret() -> None:
    op.create_table(
        "identity_secret",
        id_column("id"),
        id_column("kind"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=True),
        time_column("retired_at"),
        now_column("created_at"),
        sa.PrimaryKeyConstraint("id"),
    )


def _first_rows() -> None:
    """Write the rows of `domain.caller.LOCAL_TENANT` and `LOCAL_USER`."""
    op.execute(
        "INSERT INTO tenant (id, name, skeleton, operates, wallet, revision)"
        " VALUES ('default', 'default', 'default', true, 'default', 1)"
    )
    op.execute(
        "INSERT INTO app_user (id, tenant, kind, name, skeleton, revision)"
        " VALUES ('local', 'default', 'person', 'admin', 'admln', 1)"
    )
    op.execute("INSERT INTO user_role (user_id, role) VALUES ('local', 'admin')")
    op.execute(
        "INSERT INTO access_grant (id, tenant, subject_kind, subject, kind, pattern)"
        " SELECT 'grt_' || replace(gen_random_uuid()::text, '-', ''), 'default', 'role', r, k, '*'"
        " FROM unnest(ARRAY['admin', 'operator', 'member']) AS r,"
        " unnest(ARRAY['model', 'tool', 'knowledge_base', 'wallet']) AS k"
    )


_TABLES = {
    "tenant": _tenant,
    "app_user": _app_user,
    "role": _role,
    "user_role": _user_role,
    "access_grant": _access_grant,
    "api_key": _api_key,
    "api_key_secret": _api_key_secret,
    "identity_secret": _identity_secret,
    **sign_in.TABLES,
}
