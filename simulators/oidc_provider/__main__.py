"""The command `python -m simulators.oidc_provider`: serve until SIGINT or SIGTERM."""

import argparse
import socket
import sys

import uvicorn

from simulators.oidc_provider.app import create_app
from simulators.oidc_provider.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Serve. Prints the issuer once the port is taken; returns 1 when it cannot be."""
    options = _parser().parse_args(arguments)
    try:
        listener = socket.create_server(("127.0.0.1", options.port))
    except OSError as error:
        sys.stderr.write(f"cannot listen on port {options.port}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    entries = (entry.partition(":") for entry in options.client)
    clients = {client_id: secret or None for client_id, _, secret in entries}
    config = uvicorn.Config(
        create_app(Settings(clients)), log_level="critical", access_log=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulators.oidc_provider", description="A small OpenID provider.")
    parser.add_argument("--port", type=int, required=True, help="0 for any free port; it is printed")
    parser.add_argument("--client", action="append", default=[], help="id:secret of a client; repeatable")
    return parser


if __name__ == "__main__":
    sys.exit(main())
