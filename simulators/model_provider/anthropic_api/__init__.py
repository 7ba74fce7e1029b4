"""The Anthropic dialect: the Messages API, counting tokens, and models, under `/anthropic`."""

from simulators.model_provider.anthropic_api.routes import PREFIX, WORDS, routes

__all__ = ["PREFIX", "WORDS", "routes"]
