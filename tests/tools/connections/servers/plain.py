"""A server of the SDK with a bit of everything; as a program it speaks stdio, or HTTP and prints its address."""

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import CallToolResult, TextContent, ToolAnnotations


class Log:
    """What the tools did, for whoever runs the server: kept, or as lines in a file."""

    def __init__(self, path: Path | None = None) -> None:
        self.lines: list[str] = []
        self._path = path

    def write(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(f"{line}\n")


def make(log: Log) -> MCPServer:
    """Return the server."""
    server = MCPServer("plain", version="1.2.3", log_level="CRITICAL")
    _add_tools(server, log)
    _add_slow_tools(server, log)

    @server.resource("notes://today", title="Today", description="What is on today.")
    def today() -> str:
        return "swim"

    @server.resource("notes://day/{day}")
    def day(day: str) -> str:
        return f"on {day}: rest"

    @server.prompt(description="Asks for a summary.")
    def summarize(text: str, style: str = "short") -> str:
        return f"Summarize in {style} form: {text}"

    return server


def _add_tools(server: MCPServer, log: Log) -> None:
    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool(structured_output=False)
    def echo(text: str) -> str:
        """Say it again."""
        log.write(f"echo {text}")
        return text

    @server.tool(structured_output=False)
    def say(size: int) -> str:
        """Say much."""
        return "x" * size

    @server.tool(structured_output=False)
    def environment() -> str:
        """Tell the process's environment."""
        return "\n".join(f"{name}={value}" for name, value in sorted(os.environ.items()))

    @server.tool(structured_output=False)
    def fail(text: str) -> CallToolResult:
        """Fail."""
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)

    @server.tool(structured_output=False)
    async def grow(context: Context[Any]) -> str:
        """Add a tool and say so."""
        server.add_tool(lambda: "new", name="new", description="A new one.")
        await context.notify_tools_changed()  # in the new protocol
        await context.session.send_tool_list_changed()  # in the older one
        return "grown"


def _add_slow_tools(server: MCPServer, log: Log) -> None:
    @server.tool(structured_output=False)
    async def wait(seconds: float, name: str = "") -> str:
        """Wait."""
        log.write(f"waiting {name}")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            log.write(f"cancelled {name}")
            raise
        return f"waited {name}"

    @server.tool(structured_output=False)
    async def steps(count: int, context: Context[Any]) -> str:
        """Report progress."""
        for step in range(count):
            await context.report_progress(step + 1, count, f"step {step + 1}")
        return "done"

    @server.tool(structured_output=False)
    async def die() -> str:
        """End the process in mid-call."""
        print("the last words, token=s3cr3t-value", file=sys.stderr, flush=True)  # noqa: T201 - what is tested
        os._exit(3)


def main() -> None:
    """Serve as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=Path)
    parser.add_argument("--http", type=int, help="a port, 0 for any")
    arguments = parser.parse_args()
    server = make(Log(arguments.log))
    if arguments.http is None:
        server.run("stdio")
        return
    listener = socket.create_server(("127.0.0.1", arguments.http))
    print(listener.getsockname()[1], flush=True)  # noqa: T201 - for who started it
    uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="critical")).run(sockets=[listener])


if __name__ == "__main__":
    main()
