"""All tables together, for whatever compares or makes them."""

from sqlmodel import SQLModel

from services.storage import (
    gateway_tables,
    governance_tables,
    identity_tables,
    ledger_check_tables,
    ledger_tables,
    limit_tables,
    pool_tables,
    tables,
    tool_tables,
)

TABLE_MODULES = (
    tables,
    tool_tables,
    pool_tables,
    gateway_tables,
    identity_tables,
    ledger_tables,
    ledger_check_tables,
    limit_tables,
    governance_tables,
)
"""The modules that define them; importing one registers its tables."""

METADATA = SQLModel.metadata
