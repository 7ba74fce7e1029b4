"""The Gemini dialect's routes, under any version of the API."""

from starlette.routing import Route

from simulators.model_provider.chat import Kind
from simulators.model_provider.endpoint import Core
from simulators.model_provider.gemini_api.embeddings import read_embedding, read_embeddings
from simulators.model_provider.gemini_api.reading import read_count_request, read_generation, read_stream
from simulators.model_provider.gemini_api.words import GeminiWords
from simulators.model_provider.routes import dialect_routes

PREFIX = "/gemini/"
WORDS = GeminiWords()


def routes(core: Core) -> list[Route]:
    """Return the routes."""
    verbs = {
        "generateContent": (Kind.CHAT, read_generation),
        "streamGenerateContent": (Kind.CHAT, read_stream),
        "embedContent": (Kind.EMBEDDING, read_embedding),
        "batchEmbedContents": (Kind.EMBEDDING, read_embeddings),
        "countTokens": (Kind.COUNT, read_count_request),
    }
    posts = {f"/models/{{model:path}}:{verb}": way for verb, way in verbs.items()}
    return dialect_routes(core, WORDS, f"{PREFIX}{{version}}", posts)
