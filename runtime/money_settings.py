"""The settings of the ledger's care: part of `runtime.settings.Settings`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from domain.live_settings import like


class MoneySettings(BaseSettings):
    """How often the ledger is checked and its orphaned holds are closed; where tests put what is to go wrong."""

    ledger_check_s: int = like("ledger_check_s")
    ledger_reconcile_s: int = like("ledger_reconcile_s")
    failpoints: Path | None = Field(
        default=None,
        description="For tests only: a folder whose files make the processes fail at named points. Refused in "
        "production.",
    )
