"""`python -m api`: the API alone. It starts, and answers 503 where it must, while the database or Temporal is down."""

import asyncio
import sys
from typing import Final

from api import logs
from api.parts import Parts
from api.serving import deployment_of, listen, serve
from api.vaults import vault_of
from domain.errors import LonghaulError, Unavailable
from runtime import clean_exit
from runtime.live_settings import bootstrap_of, set_log_level
from runtime.local.signals import run_until_signalled
from runtime.process_settings import load_for
from runtime.settings import Settings, SettingsError
from runtime.temporal import connect
from services.identity.authenticator import Authenticator
from services.identity.doors import open_doors
from services.identity.first_start import first_start
from services.llm.admin import PoolAdmin
from services.storage import failpoints
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.storage.event_writer import EventWriter
from services.storage.live_settings import LiveSettings
from services.tools.admin import Commands, ToolAdmin
from services.vault.errors import KeysInvalid
from services.vault.vault import Vault

_PAUSE_S: Final = 1.0


async def _run(settings: Settings) -> int:
    if settings.database_url is None or settings.temporal_address is None:
        sys.stderr.write(
            "DATABASE_URL and TEMPORAL_ADDRESS must be set; `make run` starts everything on this machine\n"
        )
        return 2
    failpoints.arm(settings.failpoints)
    database = Database(settings.database_url.get_secret_value())
    writer = EventWriter(database)
    await writer.start()
    vault = vault_of(settings)
    doors = open_doors(database, vault)
    identity = Authenticator(database, vault, tokens=doors.tokens)
    live_settings = LiveSettings(database, bootstrap_of(settings))
    await live_settings.start()
    live_settings.follow(set_log_level)
    parts = Parts(
        database=database,
        reader=EventReader(database),
        temporal=await connect(settings, lazy=True),
        deployment=deployment_of(settings, eager_start=False),
        tools=ToolAdmin(database, vault, Commands(settings.tool_command_names, ())),  # workers know where they are
        pool=PoolAdmin(database, vault),
        writer=writer,
        identity=identity,
        doors=doors,
        settings=live_settings,
    )
    admitting = asyncio.create_task(_let_the_admin_in(settings, database, vault), name="first admin")
    try:
        await serve(parts, listen(settings.api_host, settings.api_port))
    finally:
        admitting.cancel()
        await asyncio.wait({admitting})
        await identity.close()
        await live_settings.close()
        await writer.close()
        await database.close()
    return 0


async def _let_the_admin_in(settings: Settings, database: Database, vault: Vault) -> None:
    """Make sure that the first admin has a key, as soon as the database answers; one made here is shown once."""
    key = settings.admin_key
    given = None if key is None else key.get_secret_value()
    while True:
        try:
            return await first_start(database, vault, given, sys.stderr.write)
        except Unavailable:
            await asyncio.sleep(_PAUSE_S)
        except LonghaulError as error:
            sys.stderr.write(f"{error}\n")
            return None


def main() -> int:
    """Serve until Ctrl-C or SIGTERM; answer the exit code."""
    try:
        settings = load_for("api")
        logs.configure(settings.log_level.value)
        return clean_exit.run(run_until_signalled(_run(settings)))
    except (SettingsError, KeysInvalid, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
