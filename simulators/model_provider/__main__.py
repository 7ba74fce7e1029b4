"""The command `python -m simulators.model_provider`: serve until SIGINT or SIGTERM."""

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from simulators.model_provider.app import create_app
from simulators.model_provider.settings import Profile, Settings

_BACKLOG = 2048


def main(arguments: list[str] | None = None) -> int:
    """Serve. Prints the address once the port is taken; returns 1 when it cannot be."""
    options = _parser().parse_args(arguments)
    try:
        listener = _listen(options.host, options.port)
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"http://{options.host}:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        create_app(_settings(options)), log_level="critical", access_log=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulators.model_provider", description="A simulated OpenAI-style provider.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 for any free port; it is printed")
    parser.add_argument("--log", type=Path, help="file that every call is appended to, as JSON lines")
    parser.add_argument("--profile", type=Profile, choices=list(Profile), default=Profile.RULES)
    parser.add_argument("--api-key", action="append", default=[], help="let only this key in; may be repeated")
    parser.add_argument("--model", action="append", default=[], help="only this model exists; may be repeated")
    parser.add_argument("--requests-per-minute", type=int, help="answer 429 beyond, for each key")
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        profile=options.profile,
        log_path=options.log,
        api_keys=frozenset(options.api_key),
        models=tuple(options.model),
        requests_per_minute=options.requests_per_minute,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


if __name__ == "__main__":
    sys.exit(main())
