"""Embeddings by hashing: words and runs of three characters vote on signs. Texts that share words are near each other.

Deterministic and of length 1; there is no meaning in them beyond the letters.
"""

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

USUAL_DIMENSIONS = 1536
MOST_DIMENSIONS = 4096

_WORD = re.compile(r"\w+")
_SIGN = 1 << 31


@lru_cache(maxsize=128)
def embed(text: str, dimensions: int) -> tuple[float, ...]:
    """Return the unit vector of a text."""
    vector = [0.0] * dimensions
    for feature in _features(text.lower()):
        code = crc32(feature.encode("utf-8", "surrogatepass"))
        vector[code % dimensions] += 1.0 if code & _SIGN else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:  # the votes cancel each other out
        return (1.0, *vector[1:])
    return tuple(value / length for value in vector)


def _features(text: str) -> Iterator[str]:
    yield "text"  # so that no text is without a feature
    for word in _WORD.findall(text):
        yield word
        padded = f"<{word}>"
        for start in range(len(padded) - 2):
            yield padded[start : start + 3]
