"""The command `python -m simulators.mcp_server`: serve until SIGINT or SIGTERM, or until stdin ends."""

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

from simulators.mcp_server.behaviours import BEHAVIOURS, chosen
from simulators.mcp_server.http_server import McpHttpServer
from simulators.mcp_server.script import Script, read_script
from simulators.mcp_server.stdio_server import serve
from simulators.mcp_server.world import World


def main(arguments: list[str] | None = None) -> int:
    """Serve. Over HTTP the address is printed once the port is taken; returns 1 when it cannot be."""
    options = _parser().parse_args(arguments)
    if options.list:
        sys.stdout.writelines(f"{one.name}: {one.promise}\n" for one in BEHAVIOURS.values())
        return 0
    try:
        script = _script(options)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.stdio:
        asyncio.run(serve(World(script, log_path=options.log)))
        return 0
    return asyncio.run(_serve_http(McpHttpServer(script, options.log), options.port, options.host))


async def _serve_http(server: McpHttpServer, port: int, host: str) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with server.serving(port, host) as address:
            sys.stdout.write(f"{address}/mcp\n")
            sys.stdout.flush()
            await stop.wait()
    except OSError as error:
        sys.stderr.write(f"cannot listen on {host}:{port}: {error.strerror}\n")
        return 1
    return 0


def _script(options: argparse.Namespace) -> Script:
    script = read_script(options.script) if options.script else Script()
    if options.behaviour:
        script = replace(script, behaviour=options.behaviour)
    if script.behaviour is not None:
        chosen(script.behaviour)
    return script


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulators.mcp_server", description="A simulated MCP server.")
    reach = parser.add_mutually_exclusive_group(required=True)
    reach.add_argument("--port", type=int, help="serve HTTP; 0 for any free port; the address is printed")
    reach.add_argument("--stdio", action="store_true", help="serve stdin and stdout")
    reach.add_argument("--list", action="store_true", help="list the behaviours")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--script", type=Path, help="a JSON file with the fields of script.Script")
    parser.add_argument("--behaviour", help="what it does wrong: name or name@stage")
    parser.add_argument("--log", type=Path, help="file that every call and write is appended to, as JSON lines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
