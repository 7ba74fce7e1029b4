"""The OpenAI dialect: chat completions, completions, embeddings and models, with what DeepSeek adds for reasoning."""

from simulators.model_provider.openai_api.routes import WORDS, routes

__all__ = ["WORDS", "routes"]
