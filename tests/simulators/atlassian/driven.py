"""The real `mcp-atlassian` as a child process, spoken to by the SDK's client."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import TextContent, Tool

START_LIMIT_S = 25
CALL_LIMIT_S = 15


class Told(NamedTuple):
    """What a tool answered."""

    text: str
    is_error: bool

    @property
    def data(self) -> Any:
        """The answer, which is a text of JSON."""
        assert not self.is_error, self.text
        return json.loads(self.text)


class Driven:
    """A running server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def of(cls, command: Path, servers: dict[str, Any], **env: str) -> AsyncIterator[Self]:
        """Run the server that an `mcpServers` entry configures, with further variables."""
        entry = servers["mcpServers"]["atlassian"]
        folder = tempfile.gettempdir()
        variables = {"PATH": os.defpath, "HOME": folder, **entry["env"], **env}
        parameters = StdioServerParameters(command=str(command), args=entry["args"], env=variables, cwd=folder)
        # A client must be left by the task that entered it, and fixtures are set up and torn down in different ones.
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        over = asyncio.Event()
        task = asyncio.create_task(_keep(parameters, ready, over))
        try:
            waiting: set[asyncio.Future[Any]] = {ready, task}
            await asyncio.wait(waiting, timeout=START_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
            assert ready.done(), "the server did not start"
            yield cls(ready.result())
        finally:
            over.set()
            await task

    async def tools(self) -> list[Tool]:
        return (await self._client.list_tools()).tools

    async def call(self, tool: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Told:
        """Call a tool."""
        given = {**(arguments or {}), **more}
        result = await self._client.call_tool(tool, given, read_timeout_seconds=CALL_LIMIT_S)
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        return Told(text, bool(result.is_error))


async def _keep(parameters: StdioServerParameters, ready: "asyncio.Future[Client]", over: asyncio.Event) -> None:
    with tempfile.TemporaryFile("w") as said:
        async with Client(stdio_client(parameters, errlog=said), read_timeout_seconds=START_LIMIT_S) as client:
            ready.set_result(client)
            await over.wait()
