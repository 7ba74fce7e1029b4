"""The command `python -m simulators.atlassian`: serve until SIGINT or SIGTERM."""

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from simulators.atlassian.app import create_app
from simulators.atlassian.connections import Connections, server_config
from simulators.atlassian.settings import Settings

_BACKLOG = 2048


def main(arguments: list[str] | None = None) -> int:
    """Serve. Prints the address once the port is taken; returns 1 when it cannot be."""
    options = _parser().parse_args(arguments)
    try:
        listener = socket.create_server((options.host, options.port), backlog=_BACKLOG)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"http://{options.host}:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    connections = Connections()
    settings = Settings(
        log_path=options.log,
        tokens=frozenset(options.token),
        read_only_tokens=frozenset(options.read_only_token),
    )
    uvicorn.Server(server_config(create_app(settings, connections), connections)).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulators.atlassian", description="A simulated Jira and Confluence.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 for any free port; it is printed")
    parser.add_argument("--log", type=Path, help="file that every write is appended to, as JSON lines")
    parser.add_argument("--token", action="append", default=[], help="let only this token in; may be repeated")
    parser.add_argument("--read-only-token", action="append", default=[], help="a token that may not write")
    return parser


if __name__ == "__main__":
    sys.exit(main())
