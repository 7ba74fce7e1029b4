"""What a process does between its first look at the database and its work: take over what was configured, and wait."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio.client import Client

from composition.services import Services
from domain.errors import Unavailable
from runtime.schedules import ensure_check_schedule, ensure_purge_schedule, ensure_refresh_schedule
from runtime.settings import Settings, environment
from services.llm.config import providers_file
from services.llm.config import rewrapping as pool_rewrapping
from services.llm.config.settings_provider import SettingsProvider, import_settings
from services.tools import rewrapping as tool_rewrapping
from services.tools.registry import servers_file

PAUSE_S = 1.0
SIMULATED = "simulated"
"""The label of a provider that is a stand-in."""

_log = logging.getLogger("worker")
T = TypeVar("T")


async def import_configuration(settings: Settings, services: Services) -> None:
    """Bring stored credentials under the master key in use, and take over the files and settings that have changed.

    From then on the process follows the pool's configuration.

    Raises:
        InvalidInput: A file or the settings' model provider cannot be used.
    """
    db, vault, tools = services.db, services.vault, services.tools
    await tool_rewrapping.rewrap(db, vault)
    await pool_rewrapping.rewrap(db, vault)
    async with db.transaction() as tx:
        await servers_file.import_file(tx, vault, tools.commands, settings.tool_servers_file, environment())
        await providers_file.import_file(tx, vault, settings.providers_file, environment())
        await import_settings(tx, vault, _settings_provider(settings))
    await services.models.catalogue.start()


async def keep_house(client: Client, settings: Settings, services: Services) -> None:
    """Have tool servers read, accounts checked and old rows removed by schedule; tool servers also now."""
    await ensure_refresh_schedule(client, settings.task_queue, settings.tool_refresh_s)
    await ensure_check_schedule(client, settings.task_queue, settings.pool_check_s)
    await ensure_purge_schedule(client, settings.task_queue, settings.keep, settings.purge_every_s)
    await services.on_tool_change.start(client, None, "event")


def _settings_provider(settings: Settings) -> SettingsProvider | None:
    if settings.openai_base_url is None:
        return None
    return SettingsProvider(
        base_url=str(settings.openai_base_url),
        api_key=settings.openai_api_key,
        simulated=settings.provider_label == SIMULATED,
    )


async def until_up(name: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what `attempt` returns once it is no longer Unavailable; log that it is waited for, and when it came."""
    waited = False
    while True:
        try:
            result = await attempt()
        except Unavailable:
            if not waited:
                _log.warning("%s does not answer yet, waiting for it", name)
            waited = True
            await asyncio.sleep(PAUSE_S)
        else:
            if waited:
                _log.info("%s answers", name)
            return result
