"""Live settings and this process: what its environment says of them, and how much it tells."""

import logging
from typing import Any

from domain.live_settings import NAMES, LiveValues
from runtime.settings import Settings


def bootstrap_of(settings: Settings) -> dict[str, Any]:
    """Return those live settings that the environment sets, as JSON has them."""
    given = settings.model_dump(mode="json", include=set(NAMES) & settings.model_fields_set)
    model = settings.default_model or settings.openai_model
    return {name: value for name, value in {**given, "default_model": model}.items() if value is not None}


async def set_log_level(values: LiveValues) -> None:
    """Have this process tell as much as the settings say."""
    logging.getLogger().setLevel(values.log_level)
