"""Libraries that log what must not be logged, brought to silence."""

import logging

_LEVELS = {
    "mcp.client.auth": logging.CRITICAL + 1,  # bodies of token responses and `state`, within tracebacks at ERROR
    "mcp.client.streamable_http": logging.WARNING,  # session ids at INFO, arguments and results at DEBUG
    "httpx2": logging.WARNING,  # whole URLs at INFO
    "httpcore2": logging.WARNING,  # response headers, cookies among them, at DEBUG
}


def silence_libraries() -> None:
    """Raise the levels of loggers that would tell tokens, arguments or URLs; it may be called any number of times."""
    for name, level in _LEVELS.items():
        logging.getLogger(name).setLevel(level)
