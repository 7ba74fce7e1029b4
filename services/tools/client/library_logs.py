"""What the libraries below us may write into the log: nothing that holds an address, an argument or an answer."""

import logging

_LOUD = {
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    "mcp.client": logging.CRITICAL,
    "client": logging.CRITICAL,
}
"""`httpx2` logs whole addresses; the SDK's client logs messages, and quotes what it cannot read in its errors, all of
which we raise as errors of our own."""


def silence_libraries() -> None:
    """Raise the libraries' levels to where they tell no data; a higher level that somebody chose is kept."""
    for name, level in _LOUD.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, level))
