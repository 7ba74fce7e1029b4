"""Answers that come compressed although nobody asked for it: unpacked piece by piece, against bombs."""

import zlib
from collections.abc import AsyncGenerator, AsyncIterable

from domain.errors import ModelAnswerInvalid

PIECE = 64 * 1024
"""Bytes that come out at once, at most."""
PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 47


async def unpacked(data: AsyncIterable[bytes], encoding: str) -> AsyncGenerator[bytes, None]:
    """Yield what compressed bytes hold, in pieces of at most `PIECE` bytes. Whoever reads them bounds their sum.

    Raises:
        ModelAnswerInvalid: An encoding nobody knows, or bytes that are not in it.
    """
    if encoding not in PACKED:
        raise ModelAnswerInvalid("the model provider's answer has an encoding that was not asked for")
    inflating = zlib.decompressobj(_GZIP_OR_ZLIB)
    async for part in data:
        rest = part
        while not inflating.eof:
            try:
                piece = inflating.decompress(rest, PIECE)
            except zlib.error:
                raise ModelAnswerInvalid("the model provider's answer cannot be decoded") from None
            if piece:
                yield piece
            rest = inflating.unconsumed_tail
            if not rest and len(piece) < PIECE:
                break
