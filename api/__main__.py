"""`python -m api`: the API alone. It starts, and answers 503 where it must, while the database or Temporal is down."""

import sys

from api import logs
from api.parts import Parts
from api.pool_desk import pool_desk
from api.serving import deployment_of, listen, serve
from api.tool_desk import tool_desk
from runtime import clean_exit
from runtime.local.signals import run_until_signalled
from runtime.settings import Settings, SettingsError, load
from runtime.temporal import connect
from services.storage.database import Database
from services.storage.event_reader import EventReader
from services.storage.event_writer import EventWriter
from services.vault.errors import KeysInvalid


async def _run(settings: Settings) -> int:
    if settings.database_url is None or settings.temporal_address is None:
        sys.stderr.write(
            "DATABASE_URL and TEMPORAL_ADDRESS must be set; `make run` starts everything on this machine\n"
        )
        return 2
    database = Database(settings.database_url.get_secret_value())
    writer = EventWriter(database)
    await writer.start()
    parts = Parts(
        database=database,
        reader=EventReader(database),
        temporal=await connect(settings, lazy=True),
        deployment=deployment_of(settings, eager_start=False),
        tools=tool_desk(settings, database),
        pool=pool_desk(settings, database),
        writer=writer,
    )
    try:
        await serve(parts, listen(settings.api_host, settings.api_port))
    finally:
        await writer.close()
        await database.close()
    return 0


def main() -> int:
    """Serve until Ctrl-C or SIGTERM; answer the exit code."""
    try:
        settings = load()
        logs.configure(settings.log_level.value)
        return clean_exit.run(run_until_signalled(_run(settings)))
    except (SettingsError, KeysInvalid, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
