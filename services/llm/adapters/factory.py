"""All adapters of a process, over one pool of connections."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from domain.model_pool import Dialect
from services.llm.adapters.anthropic_api.adapter import AnthropicAdapter
from services.llm.adapters.connections import ANSWER_LIMIT, Connections
from services.llm.adapters.gemini_api.adapter import GeminiAdapter
from services.llm.adapters.openai_api.adapter import OpenAIAdapter
from services.llm.chat import Adapter


@asynccontextmanager
async def open_adapters(
    max_connections: int = 1000, answer_limit: int = ANSWER_LIMIT
) -> AsyncIterator[Mapping[Dialect, Adapter]]:
    """Make the adapters, and close their connections at the end. Connects to nothing yet.

    Args:
        max_connections: To all providers together, and as many to those in private networks; a call beyond waits.
        answer_limit: Bytes that one answer may have with all of its protocol.
    """
    async with Connections(max_connections, answer_limit) as connections:
        yield {
            Dialect.OPENAI: OpenAIAdapter(connections),
            Dialect.ANTHROPIC: AnthropicAdapter(connections),
            Dialect.GEMINI: GeminiAdapter(connections),
        }
