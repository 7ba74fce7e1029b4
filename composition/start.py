"""What a process does between its first look at the database and its work: take over what was configured, and wait."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from temporalio.client import Client

from composition.services import Services
from domain.errors import Unavailable
from runtime.housekeeping import HouseKeeping
from runtime.live_settings import set_log_level
from runtime.settings import Settings, environment
from services.identity import rewrapping as identity_rewrapping
from services.identity.first_start import first_start
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


async def let_the_admin_in(settings: Settings, services: Services) -> None:
    """Make sure that the first admin has a key; one that is made here is shown on this terminal, once.

    Raises:
        InvalidInput: LONGHAUL_ADMIN_KEY cannot be used.
        VaultError: The database's keys are hashed under a master key that is not at hand.
    """
    key = settings.admin_key
    given = None if key is None else key.get_secret_value()
    await first_start(services.db, services.vault, given, sys.stderr.write)


async def import_configuration(settings: Settings, services: Services) -> None:
    """Bring stored credentials under the master key in use, and take over the files and settings that have changed.

    From then on the process follows the pool's configuration.

    Raises:
        InvalidInput: A file or the settings' model provider cannot be used.
    """
    db, vault, tools = services.db, services.vault, services.tools
    await tool_rewrapping.rewrap(db, vault)
    await pool_rewrapping.rewrap(db, vault)
    await identity_rewrapping.rewrap(db, vault)
    async with db.transaction() as tx:
        await servers_file.import_file(tx, vault, tools.commands, settings.tool_servers_file, environment())
        await providers_file.import_file(tx, vault, settings.providers_file, environment())
        await import_settings(tx, vault, _settings_provider(settings))
    await services.models.catalogue.start()
    await services.settings.start()


async def keep_house(client: Client, settings: Settings, services: Services) -> None:
    """Have schedules and log level follow the live settings, and tool servers read now."""
    house = HouseKeeping(client, settings.task_queue)
    with suppress(Unavailable):  # it is tried again
        await house.keep(services.settings.values)
    services.settings.follow(house.keep)
    services.settings.follow(set_log_level)
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
