"""Thinking that a stateless client keeps for the model: packed into `encrypted_content`, unpacked when it comes back.

It is not encrypted by us. What providers sign or encrypt stays so within, and the client could read all the rest.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, cast

from api.gateway.fields import Fields

_MARK = "longhaul.thinking.1:"

Block = dict[str, Any]


def packed(blocks: Sequence[Block]) -> str | None:
    """Return thinking blocks as one text; None: none has a seal, so no provider wants them back as they were."""
    sealed = [block for block in blocks if block.get("signature") or "data" in block]
    if not sealed:
        return None
    return _MARK + base64.urlsafe_b64encode(json.dumps(sealed, separators=(",", ":")).encode()).decode()


def opened(item: Fields) -> list[Block]:
    """Return the thinking blocks that an item brings back.

    Raises:
        BadField: What it brings was not packed here.
    """
    kept = item.maybe_text("encrypted_content")
    if kept is None:
        return []
    try:
        blocks = json.loads(base64.urlsafe_b64decode(kept.removeprefix(_MARK).encode())) if _MARK in kept[:40] else None
    except (ValueError, binascii.Error):
        blocks = None
    if not isinstance(blocks, list):
        raise item.bad("encrypted_content", "was not given by this server")
    return cast("list[Block]", blocks)


def text_of(item: Fields) -> str:
    """Return the text of an item's thinking, or else of its summary."""
    parts = item.objects("content") or item.objects("summary")
    return "\n\n".join(part.text("text") for part in parts)
