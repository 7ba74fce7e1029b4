"""What a prompt cache would save: long system prompts seen before, in whole blocks, as OpenAI counts them."""

from collections import OrderedDict

from simulators.model_provider import tokens

_LEAST = 1024
_BLOCK = 128
_REMEMBERED = 1000


class PrefixCache:
    """Remembers the newest long system prompts by model."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def cached_tokens(self, model: str, system: str) -> int:
        """Return how many prompt tokens are cached, and remember the prompt. Under 1,024 tokens nothing is cached."""
        amount = tokens.count(system)
        if amount < _LEAST:
            return 0
        key = (model, system)
        known = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return amount // _BLOCK * _BLOCK if known else 0
