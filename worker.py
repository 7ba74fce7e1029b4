"""The worker: composition root of everything that runs work. `python -m worker` is one process of it.

Settings become services, services become activities, activities and workflows become Temporal Workers: see
`composition`. A server or a database that is not up yet is waited for; one that goes away later is waited for by the
parts themselves.
"""

import logging
import sys

from composition.services import open_services
from composition.start import import_configuration, keep_house, let_the_admin_in, until_up
from composition.workers import build_worker
from domain.errors import InvalidInput
from runtime import clean_exit, temporal
from runtime.local.signals import run_until_signalled
from runtime.process_settings import load_for
from runtime.settings import Settings, SettingsError
from services.vault.errors import VaultError

_log = logging.getLogger("worker")


async def serve(settings: Settings) -> int:
    """Run a worker until it is cancelled."""
    async with open_services(settings) as services:
        await until_up("the database", services.db.ping)
        await let_the_admin_in(settings, services)
        await import_configuration(settings, services)
        client = await until_up("Temporal", lambda: temporal.connect(settings))
        await keep_house(client, settings, services)
        _log.info("working on %s", settings.task_queue)
        await build_worker(client, settings, services).run()
    return 0


def main() -> int:
    """Run a worker by the environment's settings until Ctrl-C or SIGTERM; return the exit code."""
    try:
        settings = load_for("worker")
        logging.basicConfig(level=settings.log_level.value, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        logging.getLogger("httpx").setLevel(logging.WARNING)
        return clean_exit.run(run_until_signalled(serve(settings)))
    except (SettingsError, temporal.NoAddressError, InvalidInput, VaultError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
