"""`python -m cli`: the `longhaul` command. Exit codes: 0 done, 1 not done or refused, 2 usage, 3 no API, 130 Ctrl-C."""

import sys
from collections.abc import Sequence

from rich.console import Console

from cli.api import Api
from cli.commands.session import Session
from cli.errors import CommandError
from cli.parser import Parser
from cli.place import place

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run one command; answer the exit code."""
    parsed = Parser().parser.parse_args(arguments)
    where = place(parsed.api)
    session = Session(Api(where.api, where.key), where, console or Console())
    try:
        code: int = parsed.run(session, parsed)
    except CommandError as error:
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
