"""The settings of how long things are kept: part of `runtime.settings.Settings`."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from domain.purging import Keep

KeepDays = Annotated[int, Field(ge=2, le=3650)]


class KeepSettings(BaseSettings):
    """Days, and how often what is older is removed."""

    log_keep_days: KeepDays = Field(default=30, description="For how many days the log of API calls is kept.")
    lease_keep_days: KeepDays = Field(
        default=7,
        description="For how many days ended calls of models are kept one by one (leases); for longer if a limit's "
        "window is longer. Their counters stay.",
    )
    call_keep_days: KeepDays = Field(
        default=30, description="For how many days the streamed pieces of gateway calls are kept. Answers stay."
    )
    key_keep_days: KeepDays = Field(
        default=7, description="For how many days an Idempotency-Key of a gateway call finds its answer again."
    )
    purge_every_s: int = Field(
        default=3600, ge=60, le=86_400, description="How often what is older than that is removed, in seconds."
    )

    @property
    def keep(self) -> Keep:
        """How long what a purge removes is kept."""
        return Keep(
            log_days=self.log_keep_days,
            lease_days=self.lease_keep_days,
            call_days=self.call_keep_days,
            key_days=self.key_keep_days,
        )
