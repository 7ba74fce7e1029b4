"""The official MCP client on Longhaul's own server, over HTTP, in either generation of the protocol."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from tests.keys import bearer
from tests.workflows.product import Json, Product

GENERATIONS = {"2025-11-25": "legacy", "2026-07-28": "auto"}
THREE = "Write about rain. Write about snow. Then compare them."

in_both_generations = pytest.mark.parametrize("generation", GENERATIONS)


@dataclass(frozen=True)
class Agent:
    """A connected client."""

    client: Client

    async def call(self, tool: str, **arguments: Any) -> Json:
        """Call a tool and return what it gives."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        given: Json = json.loads(text_of(result))
        assert result.structured_content == given
        return given

    async def refused(self, tool: str, **arguments: Any) -> Json:
        """Call a tool that refuses, and return its problem."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.content
        problem: Json = json.loads(text_of(result))
        assert {"code", "title", "detail", "problems", "request_id"} <= problem.keys()
        assert result.structured_content is None
        return problem


def text_of(result: CallToolResult) -> str:
    """Return the text of a result that has one text and nothing else."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def url_of(api: httpx.AsyncClient) -> str:
    """Return where an API's MCP server is."""
    return str(api.base_url.join("/mcp"))


@asynccontextmanager
async def agent_of(where: Product | httpx.AsyncClient, generation: str = "2026-07-28") -> AsyncIterator[Agent]:
    """Connect a client that speaks this generation. In the test's own task: the SDK wants to be left where entered."""
    api = where.api if isinstance(where, Product) else where
    async with (
        httpx2.AsyncClient(headers=bearer(), trust_env=False, timeout=60.0) as http,
        Client(streamable_http_client(url_of(api), http_client=http), mode=GENERATIONS[generation]) as client,
    ):
        assert client.protocol_version == generation
        yield Agent(client)


async def held(product: Product, agent: Agent) -> str:
    """Start a request whose first step does not end by itself."""
    await product.fault({"hang": True}, task="step", step_id="s1")
    started = await agent.call("start_request", message=THREE, options={"model": product.model})
    request_id: str = started["id"]
    await product.until_active(request_id, 1)
    return request_id
