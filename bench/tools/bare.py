"""The bare SDK call: the client of the MCP SDK, its connection kept open, and nothing of ours."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from bench.tools.servers import ARGUMENTS, AT_ONCE
from bench.tools.way import SLOW, TEXT, Transport, Way, timed

BARE: Final = "bare SDK call"
_POOL: Final = AT_ONCE + 8
_LIMITS: Final = httpx2.Limits(max_connections=_POOL, max_keepalive_connections=_POOL)
"""As many sockets as ours: the SDK's own client keeps 20, and would open one anew for most of 50 calls."""


class CallFailedError(RuntimeError):
    """A call of the benchmark did not end well: no figure of it counts."""


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[list[Way]]:
    """Open a client over HTTP and one over stdio."""
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=30, limits=_LIMITS) as http,
        Client(streamable_http_client(url, http_client=http)) as over_http,
        Client(StdioServerParameters(command=sys.executable, args=list(ARGUMENTS))) as over_stdio,
    ):
        yield [_way("http", over_http), _way("stdio", over_stdio)]


def _way(transport: Transport, client: Client) -> Way:
    async def call(name: str, arguments: dict[str, Any]) -> None:
        result = await client.call_tool(name, arguments)
        if result.is_error:
            raise CallFailedError(f"{name} over {transport}: {result.content}")

    return Way(BARE, transport, timed(lambda: call("echo", {"text": TEXT})), timed(lambda: call("slow", SLOW)))
