"""A completion that comes in one piece, told as a stream of one."""

import json
from typing import Final

from api.gateway.openai_door import plain_of
from api.gateway.pieces import End, Piece
from api.gateway.problems import envelope
from domain.gateway import CallError

_DONE: Final = "data: [DONE]\n\n"


class PlainEvents:
    """Writes the events of one call. `model`: as it was asked for."""

    def __init__(self, model: str) -> None:
        """Take the model's name."""
        self._model = model

    def piece(self, piece: Piece) -> bytes:  # noqa: ARG002  such a call has no pieces
        """Return nothing."""
        return b""

    def end(self, end: End) -> bytes:
        """Return the answer, and the end."""
        return (_event(plain_of(self._model, end)) + _DONE).encode("utf-8", "backslashreplace")

    def failure(self, error: CallError) -> bytes:
        """Return the event that ends the stream for an error."""
        return _event(envelope(error)).encode()


def _event(value: object) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"
