"""Counting tokens as this provider bills them: one for every four bytes of UTF-8, and a frame for each message.

Images count flat, files by the bytes that their base64 stands for.
"""

from collections.abc import Iterable

from simulators.model_provider.json_value import Json

IMAGE = 765
"""Of one image, whatever its size."""

_BYTES_PER_TOKEN = 4
_FRAME = 3
_FILE_BYTES_PER_TOKEN = 16
_BASE64 = 4 / 3


def count(text: str) -> int:
    """Return the tokens of a text."""
    return -(-len(_encoded(text)) // _BYTES_PER_TOKEN)


def count_prompt(texts: Iterable[str]) -> int:
    """Return the tokens of a list of messages."""
    return _FRAME + sum(_FRAME + count(text) for text in texts)


def count_file(base64: Json) -> int:
    """Return the tokens of a file given as base64 or as a data URL; one that stands elsewhere counts as an image."""
    if not isinstance(base64, str):
        return IMAGE
    return max(round(len(base64) / _BASE64 / _FILE_BYTES_PER_TOKEN), 1)


def cut(text: str, max_tokens: int) -> str:
    """Return the longest beginning of a text that has at most `max_tokens` tokens."""
    return _encoded(text)[: max_tokens * _BYTES_PER_TOKEN].decode(errors="ignore")


def _encoded(text: str) -> bytes:
    # JSON may carry lone surrogates, which UTF-8 refuses.
    return text.encode("utf-8", "surrogatepass")
