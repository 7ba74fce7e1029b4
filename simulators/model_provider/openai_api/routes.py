"""The OpenAI dialect's routes."""

from starlette.routing import Route

from simulators.model_provider.chat import Kind
from simulators.model_provider.endpoint import Core
from simulators.model_provider.openai_api.completions import read_completion
from simulators.model_provider.openai_api.embeddings import read_embeddings
from simulators.model_provider.openai_api.reading import read_chat
from simulators.model_provider.openai_api.words import OpenAIWords
from simulators.model_provider.routes import dialect_routes

WORDS = OpenAIWords()


def routes(core: Core) -> list[Route]:
    """Return the routes."""
    posts = {
        "/chat/completions": (Kind.CHAT, read_chat),
        "/embeddings": (Kind.EMBEDDING, read_embeddings),
        "/completions": (Kind.COMPLETION, read_completion),
    }
    return dialect_routes(core, WORDS, "/v1", posts)
