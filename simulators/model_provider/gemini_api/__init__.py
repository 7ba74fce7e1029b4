"""The Gemini dialect: generateContent and its stream, embeddings, counting tokens, and models, under `/gemini`."""

from simulators.model_provider.gemini_api.routes import PREFIX, WORDS, routes

__all__ = ["PREFIX", "WORDS", "routes"]
