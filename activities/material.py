"""What model documents are made of: texts from the blob store, cut to size, and the request's background."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.calls import RequestFacts
from domain.content import Text
from domain.documents import Turn
from services.storage import blobs, contexts
from services.storage.statements import Statements
from services.storage.views import requests as request_views

INPUT_LIMIT = 24 * 1024
"""Bytes of one earlier result that a model gets to see."""
HISTORY_LIMIT = 8 * 1024
"""Bytes of the conversation that a model gets to see."""
HISTORY_TURNS = 10
BATCH_LIMIT = 8 * 1024 * 1024
"""Bytes of long texts that are in memory at once."""
CUT_MARK = " […]"


@dataclass(frozen=True)
class Background:
    """What stands behind a request's message. `history` is oldest first."""

    message: str
    context: dict[str, Any] | None
    history: tuple[Turn, ...]


async def background(where: Statements, facts: RequestFacts) -> Background:
    """Load the message, the owner's context and the last turns of the conversation."""
    context = await contexts.get(where, facts.owner)
    turns: list[Turn] = []
    if facts.conversation_id is not None:
        turns = await request_views.conversation(
            where, facts.owner, facts.conversation_id, facts.request_id, limit=HISTORY_TURNS, max_chars=HISTORY_LIMIT
        )
    return Background(await _message(where, facts), context.document(), _newest(turns))


async def _message(where: Statements, facts: RequestFacts) -> str:
    """Load the message; a sub-request's ends with the results of its parent's steps that it builds on."""
    message = await blobs.load(where, facts.message)
    if not message or not facts.inputs:
        return message
    results = await load_cut(where, facts.inputs)
    return "\n\n".join([message, *(f"[{step_id}]\n{text}" for step_id, text in results.items())])


async def load_cut(where: Statements, texts: Mapping[str, Text], limit: int = INPUT_LIMIT) -> dict[str, str]:
    """Load texts, each cut to `limit` bytes, a batch at a time."""
    result: dict[str, str] = {}
    batch: dict[str, Text] = {}
    size = 0
    for name, text in texts.items():
        if size + text.size > BATCH_LIMIT:
            result |= await _load_batch(where, batch, limit)
            batch, size = {}, 0
        batch[name] = text
        size += text.size
    return result | await _load_batch(where, batch, limit)


def cut(text: str, limit: int) -> str:
    """Return the beginning of a text that has at most `limit` bytes of UTF-8, marked if it is not all of it."""
    if len(text) * 4 <= limit or len(body := text.encode()) <= limit:
        return text
    return body[: limit - len(CUT_MARK.encode())].decode(errors="ignore") + CUT_MARK


async def _load_batch(where: Statements, batch: Mapping[str, Text], limit: int) -> dict[str, str]:
    return {name: cut(text, limit) for name, text in (await blobs.load_many(where, batch)).items()}


def _newest(turns: list[Turn]) -> tuple[Turn, ...]:
    """Return the newest `HISTORY_TURNS` turns that fit into `HISTORY_LIMIT` bytes together, oldest first."""
    kept: list[Turn] = []
    left = HISTORY_LIMIT
    for turn in reversed(turns[-HISTORY_TURNS:]):
        size = len(turn.text.encode())
        if size > left:
            break
        kept.append(turn)
        left -= size
    return tuple(reversed(kept))
