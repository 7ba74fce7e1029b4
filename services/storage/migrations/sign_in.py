"""The tables of revision 0006 that signing in needs: passwords, sessions, failures, OpenID providers."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def id_column(name: str) -> sa.Column[Any]:
    """Return a column for an id."""
    return sa.Column(name, sa.Text(collation="C"), nullable=False)


def time_column(name: str) -> sa.Column[Any]:
    """Return a column for a point in time that may be null."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def now_column(name: str) -> sa.Column[Any]:
    """Return a column for a point in time, the insertion's unless told."""
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def _user_password() -> None:
    op.create_table(
        "user_password",
        id_column("user_id"),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        now_column("changed_at"),
        sa.PrimaryKeyConstraint("user_id"),
    )


def _user_session() -> None:
    op.create_table(
        "user_session",
        id_column("id"),
        id_column("user_id"),
        id_column("method"),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        now_column("created_at"),
        now_column("used_at"),
        now_column("expires_at"),
        time_column("ended_at"),
        sa.Column("end_reason", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("user_session_by_expiry", "user_session", ["expires_at"], unique=False)
    op.create_index("user_session_by_user", "user_session", ["user_id", "id"], unique=False)


def _refresh_token() -> None:
    op.create_table(
        "refresh_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        id_column("session_id"),
        sa.Column("n", sa.Integer(), server_default=sa.text("0"), nullable=False),
        now_column("created_at"),
        now_column("expires_at"),
        time_column("used_at"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("refresh_token_by_session", "refresh_token", ["session_id", "n"], unique=True)


def _login_failure() -> None:
    op.create_table(
        "login_failure",
        id_column("subject"),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        now_column("first_at"),
        now_column("last_at"),
        time_column("locked_until"),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index("login_failure_by_time", "login_failure", ["last_at"], unique=False)


def _oidc_provider() -> None:
    op.create_table(
        "oidc_provider",
        id_column("id"),
        id_column("tenant"),
        sa.Column("data", postgresql.JSONB(none_as_null=True), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        time_column("disabled_at"),
        now_column("created_at"),
        now_column("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("oidc_provider_by_tenant", "oidc_provider", ["tenant", "id"], unique=False)


def _oidc_identity() -> None:
    op.create_table(
        "oidc_identity",
        id_column("provider_id"),
        id_column("subject"),
        id_column("user_id"),
        now_column("created_at"),
        sa.PrimaryKeyConstraint("provider_id", "subject"),
    )
    op.create_index("oidc_identity_by_user", "oidc_identity", ["user_id"], unique=False)


def _oidc_state() -> None:
    op.create_table(
        "oidc_state",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        id_column("provider_id"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.LargeBinary(), nullable=True),
        sa.Column("return_to", sa.Text(), nullable=True),
        now_column("created_at"),
        now_column("expires_at"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("oidc_state_by_expiry", "oidc_state", ["expires_at"], unique=False)


TABLES: dict[str, Callable[[], None]] = {
    "user_password": _user_password,
    "user_session": _user_session,
    "refresh_token": _refresh_token,
    "login_failure": _login_failure,
    "oidc_provider": _oidc_provider,
    "oidc_identity": _oidc_identity,
    "oidc_state": _oidc_state,
}
"""What makes each of them."""
