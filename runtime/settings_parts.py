"""The parts that `runtime.settings.Settings` is made of beside its own: one base, so that it names one."""

from typing import Final

from runtime.edge_settings import EdgeSettings
from runtime.keep_settings import KeepSettings
from runtime.money_settings import MoneySettings
from runtime.origin_settings import OriginSettings


class PartsOfSettings(EdgeSettings, OriginSettings, MoneySettings, KeepSettings):
    """All parts. A new part is added here."""


SECRET: Final = frozenset(
    {
        "database_url",
        "openai_api_key",
        "openai_base_url",
        "public_url",
        "allowed_origins",
        "master_keys",
        "webhook_secret",
        "admin_key",
    }
)
"""Settings whose values are not shown in complaints: an address may carry a password."""
