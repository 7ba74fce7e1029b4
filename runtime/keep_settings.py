"""The settings of how long things are kept: part of `runtime.settings.Settings`."""

from pydantic_settings import BaseSettings

from domain.live_settings import like


class KeepSettings(BaseSettings):
    """Days, and how often what is older is removed."""

    log_keep_days: int = like("log_keep_days")
    lease_keep_days: int = like("lease_keep_days")
    call_keep_days: int = like("call_keep_days")
    key_keep_days: int = like("key_keep_days")
    answer_keep_days: int = like("answer_keep_days")
    audit_keep_days: int = like("audit_keep_days")
    purge_every_s: int = like("purge_every_s")
