"""API and worker in one process: the composition root of one machine. `python -m server`.

One Temporal client serves both, so that a request's first task goes to this worker without a round trip (eager start).
A database or Temporal that is not up yet is waited for. The API stops taking calls before the worker stops.
"""

import contextlib
import sys

from api import logs
from api.parts import Parts
from api.serving import deployment_of, listen, serve
from composition.services import Services, open_services
from composition.start import import_configuration, keep_house, let_the_admin_in, until_up
from composition.workers import build_worker
from domain.caller import LOCAL_USER
from domain.errors import InvalidInput
from runtime import clean_exit, temporal
from runtime.local.signals import run_until_signalled
from runtime.process_settings import load_for
from runtime.settings import Settings, SettingsError
from services.identity.authenticator import Authenticator
from services.identity.doors import open_doors
from services.llm.admin import PoolAdmin
from services.storage import contexts
from services.storage.event_reader import EventReader
from services.tools.admin import ToolAdmin
from services.vault.errors import VaultError


async def _run(settings: Settings) -> int:
    with contextlib.closing(listen(settings.api_host, settings.api_port)) as listener:
        async with open_services(settings) as services:
            await until_up("the database", services.db.ping)
            await let_the_admin_in(settings, services)
            await _import_context(settings, services)
            await import_configuration(settings, services)
            client = await until_up("Temporal", lambda: temporal.connect(settings))
            workers = build_worker(client, settings, services)
            doors = open_doors(services.db, services.vault)
            identity = Authenticator(services.db, services.vault, tokens=doors.tokens)
            parts = Parts(
                database=services.db,
                reader=EventReader(services.db),
                temporal=client,
                deployment=deployment_of(settings, eager_start=True),
                tools=ToolAdmin(services.db, services.vault, services.tools.commands),
                pool=PoolAdmin(services.db, services.vault),
                live=services.live,
                writer=services.writer,
                flights=workers.flights,
                identity=identity,
                doors=doors,
                settings=services.settings,
            )
            await keep_house(client, settings, services)
            async with workers:
                try:
                    await serve(parts, listener)
                finally:
                    await identity.close()
    return 0


async def _import_context(settings: Settings, services: Services) -> None:
    """Take over context.yaml when it has changed."""
    async with services.db.transaction() as tx:
        await contexts.import_file(tx, LOCAL_USER, settings.context_file)


def main() -> int:
    """Serve until Ctrl-C or SIGTERM; answer the exit code."""
    try:
        settings = load_for("server")
        logs.configure(settings.log_level.value)
        return clean_exit.run(run_until_signalled(_run(settings)))
    except (SettingsError, temporal.NoAddressError, InvalidInput, VaultError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
