"""What a prompt cache would save: long system prompts seen before, in whole blocks, as OpenAI counts them."""

from collections import OrderedDict
from hashlib import sha256
from typing import NamedTuple

from simulators.model_provider import tokens

_LEAST = 1024
_BLOCK = 128
_REMEMBERED = 1000


class Cached(NamedTuple):
    """Prompt tokens that were read from the cache, and those that were written to it."""

    read: int = 0
    written: int = 0


_NOTHING = Cached()


class PrefixCache:
    """Remembers the newest long system prompts by model."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def look_up(self, model: str, system: str) -> Cached:
        """Return what the cache does for a prompt, and remember it. Under 1,024 tokens nothing is cached."""
        if len(system) < _LEAST:  # cheaper than counting, and a token has at least one character
            return _NOTHING
        amount = tokens.count(system)
        if amount < _LEAST:
            return _NOTHING
        key = (model, sha256(system.encode("utf-8", "surrogatepass")).digest())
        known = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        amount = amount // _BLOCK * _BLOCK
        return Cached(read=amount) if known else Cached(written=amount)
