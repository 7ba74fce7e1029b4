"""Texts in answers: whole, or cut where many stand side by side."""

from collections.abc import Mapping

from pydantic import BaseModel

from domain.content import Text
from services.storage import blobs
from services.storage.database import Tx

LOADED_AT_ONCE = 1024 * 1024
"""Bytes of referenced texts that one answer loads in order to cut them."""


class Excerpt(BaseModel):
    """The beginning of a text. `truncated`: there is more; `size` is the whole text's length in bytes of UTF-8."""

    text: str
    truncated: bool = False
    size: int


async def excerpts(tx: Tx, texts: Mapping[str, Text | None], chars: int = 2000) -> dict[str, Excerpt]:
    """Cut texts to `chars` characters. Those that would load too much come without text, and say so."""
    present = {key: text for key, text in texts.items() if text is not None}
    loaded = await blobs.load_many(tx, _affordable(present))
    return {key: _cut(loaded.get(key), text, chars) for key, text in present.items()}


async def whole(tx: Tx, text: Text | None) -> str | None:
    """Return a whole text."""
    return None if text is None else await blobs.load(tx, text)


def _affordable(texts: Mapping[str, Text]) -> dict[str, Text]:
    left = LOADED_AT_ONCE
    chosen: dict[str, Text] = {}
    for key, text in texts.items():
        price = 0 if text.ref is None else text.size
        if price <= left:
            left -= price
            chosen[key] = text
    return chosen


def _cut(loaded: str | None, text: Text, chars: int) -> Excerpt:
    shown = (loaded or "")[:chars]
    return Excerpt(text=shown, truncated=len(shown.encode()) < text.size, size=text.size)
