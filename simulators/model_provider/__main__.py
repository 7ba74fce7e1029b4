"""The command `python -m simulators.model_provider`: serve until SIGINT or SIGTERM."""

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from simulators.model_provider.app import create_app
from simulators.model_provider.calls import MEMORY
from simulators.model_provider.limit_text import read_limit
from simulators.model_provider.limits import Limit
from simulators.model_provider.settings import MOST_CHUNKS, Profile, Settings

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
    parser = argparse.ArgumentParser(prog="simulators.model_provider", description="A simulated model provider.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 for any free port; it is printed")
    parser.add_argument("--log", type=Path, help="file that every call is appended to, as JSON lines")
    parser.add_argument("--profile", type=Profile, choices=list(Profile), default=Profile.RULES)
    parser.add_argument("--api-key", action="append", default=[], help="let only this key in; may be repeated")
    parser.add_argument("--model", action="append", default=[], help="only this model exists; may be repeated")
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        type=read_limit,
        metavar="rpm=N,tpm=N,window=S,concurrency=N[,key=KEY]",
        help="answer 429 beyond, for each key or for one; may be repeated",
    )
    parser.add_argument("--requests-per-minute", type=int, help="the same as --limit rpm=N")
    parser.add_argument("--memory", type=int, default=MEMORY, help="how many calls are kept in memory")
    parser.add_argument("--chunks", type=_chunks, help="answer everybody one text of so many pieces")
    return parser


def _chunks(text: str) -> int:
    number = int(text)
    if not 0 < number <= MOST_CHUNKS:
        raise ValueError(text)
    return number


def _settings(options: argparse.Namespace) -> Settings:
    limits: dict[str | None, Limit] = dict(options.limit)
    usual = limits.pop(None, None)
    if usual is None and options.requests_per_minute is not None:
        usual = Limit(rpm=options.requests_per_minute)
    return Settings(
        profile=options.profile,
        log_path=options.log,
        api_keys=frozenset(options.api_key),
        models=tuple(options.model),
        limit=usual,
        limits={key: limit for key, limit in limits.items() if key is not None},
        memory=options.memory,
        chunks=options.chunks,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


if __name__ == "__main__":
    sys.exit(main())
