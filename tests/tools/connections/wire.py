"""An HTTP server that speaks MCP by hand (the older protocol) and answers tool calls as a test says."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.tools.connections.serving import serving

Reply = Callable[[Request, dict[str, Any]], Awaitable[Response]]
"""Answers a message: the HTTP request, and the JSON-RPC message in it."""


class Wire:
    """What the server heard, and how it answers.

    Attributes:
        reply: Answers tool calls.
        greet: Answers the greeting, if it is not to be the usual one.
        session: The session's id, if it has one; requests with another get 404.
    """

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.greet: Reply | None = None
        self.session: str | None = None
        self.fetches = 0
        self.ended: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    async def handle(self, request: Request) -> Response:
        """Answer an HTTP request."""
        if request.method == "DELETE":
            self.ended.append(request.headers["mcp-session-id"])
        if request.method == "GET" and "last-event-id" in request.headers:
            self.fetches += 1
            return Response("retry: 1\nid: 8\ndata:\n\n", media_type="text/event-stream")
        if request.method != "POST":
            return Response(status_code=405)
        message: dict[str, Any] = json.loads(await request.body())
        self.heard.append(message)
        self.headers.append(request.headers)
        told = request.headers.get("mcp-session-id")
        if told is not None and told != self.session:
            return JSONResponse(failed(message, -32600, "Session not found"), 404)
        match message.get("method"):
            case "initialize":
                return await (self.greet or self._greeting)(request, message)
            case "tools/call":
                return await self.reply(request, message)
            case "tools/list":
                return JSONResponse(result(message, {"tools": [{"name": "act", "inputSchema": {"type": "object"}}]}))
            case _ if "id" in message:
                return JSONResponse(failed(message, -32601, "no such method"), 404)
            case _:
                return Response(status_code=202)

    def calls(self) -> int:
        """How many tool calls were heard."""
        return sum(message.get("method") == "tools/call" for message in self.heard)

    async def _greeting(self, _: Request, message: dict[str, Any]) -> Response:
        greeting: dict[str, Any] = {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "wire", "version": "0"},
        }
        headers = {"mcp-session-id": self.session} if self.session else {}
        return JSONResponse(result(message, greeting), headers=headers)


@asynccontextmanager
async def wired(wire: Wire) -> AsyncIterator[str]:
    """Serve it and yield its address."""
    app = Starlette(routes=[Route("/mcp", wire.handle, methods=["GET", "POST", "DELETE"])])
    async with serving(app) as origin:
        yield f"{origin}/mcp"


def result(message: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON-RPC result."""
    return {"jsonrpc": "2.0", "id": message["id"], "result": value}


def failed(message: dict[str, Any], code: int, text: str) -> dict[str, Any]:
    """Return a JSON-RPC error."""
    return {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": code, "message": text}}


def said(text: str) -> dict[str, Any]:
    """Return a tool's result."""
    return {"content": [{"type": "text", "text": text}]}


def with_response(make: Callable[[dict[str, Any]], Response]) -> Reply:
    """Return a reply that does not look at the HTTP request."""

    async def reply(_: Request, message: dict[str, Any]) -> Response:
        return make(message)

    return reply
