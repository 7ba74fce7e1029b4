"""`python -m runtime.local`: serve everything on this machine until Ctrl-C or SIGTERM. `make run` calls it."""

import argparse
import asyncio
import sys

from runtime import clean_exit
from runtime.local.errors import LocalError
from runtime.local.progress import Teller
from runtime.local.signals import run_until_signalled
from runtime.local.stack import Stack
from runtime.production import demand
from runtime.settings import Settings, SettingsError, load


async def _serve(settings: Settings, teller: Teller, *, first_request: bool) -> int:
    try:
        async with Stack(settings, teller) as stack:
            stack.show_addresses()
            if first_request and await stack.first_request(settings.message) != 0:
                teller.say("The first request did not end well; serving goes on.")
            teller.say("Serving. Ctrl-C stops everything.")
            await asyncio.Event().wait()
    except LocalError as failure:
        teller.say(str(failure))
        return 1
    except asyncio.CancelledError:
        teller.say("Everything is stopped.")
        raise
    return 0


def main() -> int:
    """Run until told to stop; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m runtime.local", description=__doc__)
    parser.add_argument("--no-first-request", action="store_true", help="do not send a request after the start")
    options = parser.parse_args()
    try:
        settings = load()
        demand(settings)
    except SettingsError as wrong:
        Teller().say(str(wrong))
        return 2
    served = _serve(settings, Teller(), first_request=not options.no_first_request)
    return clean_exit.run(run_until_signalled(served))


if __name__ == "__main__":
    sys.exit(main())
