from collections.abc import AsyncIterator

import pytest_asyncio

from simulators.mcp_server.http_server import McpHttpServer


@pytest_asyncio.fixture(scope="session")
async def mcp_server() -> AsyncIterator[McpHttpServer]:
    """Any number of simulated servers, by path."""
    server = McpHttpServer()
    async with server.serving():
        yield server
