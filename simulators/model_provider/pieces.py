"""Cutting a text into the pieces in which it is streamed, and the one text that has a given number of them."""

import json
import re
from collections.abc import Iterator

PLACE = "\x00piece"
"""Stands in an event where the pieces go."""

_PLACE = json.dumps(PLACE).encode()
_PIECE = re.compile(r"(?:\s*\S{1,16}){1,3}|\s+")
_LONG = 64 * 1024
_LONG_PIECE = 8 * 1024


def pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of up to three words (of 16 characters where there are no spaces); long ones in 8 KiB."""
    if len(text) > _LONG:
        for start in range(0, len(text), _LONG_PIECE):
            yield text[start : start + _LONG_PIECE]
        return
    for match in _PIECE.finditer(text):
        yield match.group()


def around(event: bytes) -> tuple[bytes, bytes]:
    """Return what an event has before and after its piece: pieces are many, and only their own text is encoded."""
    before, _, after = event.partition(_PLACE)
    return before, after


def text_of_pieces(number: int) -> str:
    """Return a text that is streamed in so many pieces."""
    return " ".join(f"piece {index} of" for index in range(1, number + 1))
