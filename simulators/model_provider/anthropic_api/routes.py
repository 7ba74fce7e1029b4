"""The Anthropic dialect's routes."""

from starlette.routing import Route

from simulators.model_provider.anthropic_api.reading import read_count_request, read_message_request
from simulators.model_provider.anthropic_api.words import AnthropicWords
from simulators.model_provider.chat import Kind
from simulators.model_provider.endpoint import Core
from simulators.model_provider.routes import dialect_routes

PREFIX = "/anthropic/"
WORDS = AnthropicWords()


def routes(core: Core) -> list[Route]:
    """Return the routes."""
    posts = {
        "/messages": (Kind.CHAT, read_message_request),
        "/messages/count_tokens": (Kind.COUNT, read_count_request),
    }
    return dialect_routes(core, WORDS, f"{PREFIX}v1", posts)
