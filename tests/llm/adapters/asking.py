"""Asking an adapter, and what came back."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from domain.budget import Usage
from domain.completion import assemble
from domain.model_pool import Dialect
from services.llm.chat import Adapter, ChatChunk, ChatRequest, JsonSchema, PlainRequest, Target

Adapters = Mapping[Dialect, Adapter]

HELLO = [{"role": "user", "content": "Hello"}]
BASES = {Dialect.OPENAI: "/v1", Dialect.ANTHROPIC: "/anthropic", Dialect.GEMINI: "/gemini"}
"""What follows a server's address in each dialect's base URL."""


@dataclass(frozen=True)
class Heard:
    """An answer's chunks, and what they make."""

    chunks: list[ChatChunk]

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def deltas(self) -> list[Any]:
        return [delta for chunk in self.chunks for delta in chunk.deltas]

    @property
    def usage(self) -> Usage | None:
        return next((chunk.usage for chunk in reversed(self.chunks) if chunk.usage), None)

    @property
    def finish_reason(self) -> str | None:
        return next((chunk.finish_reason for chunk in reversed(self.chunks) if chunk.finish_reason), None)

    @property
    def refused(self) -> bool:
        return any(chunk.refused for chunk in self.chunks)

    @property
    def choice(self) -> dict[str, Any]:
        """The first choice, put together as a client does."""
        choices: list[dict[str, Any]] = assemble(self.deltas)["choices"]
        return choices[0]

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = self.choice["message"]
        return message


def target(url: str, dialect: Dialect, **changes: Any) -> Target:
    """Return the target at a server's address, which may be this machine's."""
    fields: dict[str, Any] = {"credential": "sk-secret", "connect_s": 2.0, "silence_s": 2.0, "allow_private": True}
    return Target(dialect, f"{url}{BASES[dialect]}", **(fields | changes))


def chat_request(model: str = "m", /, *, most: int | None = 1000, **body: Any) -> ChatRequest:
    """Return a chat's request; `body`: fields of the OpenAI API."""
    return ChatRequest(model, {"messages": HELLO, **body}, most, 5.0)


def task(model: str = "m", **changes: Any) -> ChatRequest:
    """Return a task of our own that wants JSON."""
    schema = JsonSchema("verdict", {"type": "object", "properties": {"ok": {"type": "boolean"}}})
    fields: dict[str, Any] = {"system": "Judge.", "user": "This.", "max_output_tokens": 1000, "timeout_s": 5.0}
    return ChatRequest.task(model=model, json_schema=schema, **(fields | changes))


def plain_request(model: str = "m", /, **body: Any) -> PlainRequest:
    """Return a request that is answered in one piece."""
    return PlainRequest(model, body, 5.0)


async def hear(adapter: Adapter, where: Target, request: ChatRequest) -> Heard:
    """Ask, and hear the answer to its end."""
    async with aclosing(adapter.chat(where, request)) as chunks:
        return Heard([chunk async for chunk in chunks])


async def heard_from(
    adapters: Adapters, url: str, dialect: Dialect, request: ChatRequest | None = None, **changes: Any
) -> Heard:
    """Ask a server in a dialect; `changes`: of the target."""
    return await hear(adapters[dialect], target(url, dialect, **changes), request or chat_request())
