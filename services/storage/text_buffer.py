"""Streamed answers waiting to be stored: merged per call, numbered once, so that the same batch may be sent again."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.events import Event, EventType

MAX_PIECE = 32 * 1024
"""Characters after which a call's text goes on in another event."""

_REMEMBERED_CALLS = 10_000


@dataclass
class _Piece:
    """What becomes one event: a text, a reset (no parts), or chunks of a gateway call, numbered from `first`."""

    request_id: str
    step_id: str | None
    call_id: str
    type: EventType
    parts: list[str] = field(default_factory=list[str])
    size: int = 0
    first: int = 0
    chunks: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])


@dataclass(frozen=True)
class Batch:
    """Events to store together, each with its request."""

    requests: tuple[str, ...]
    events: tuple[Event, ...]
    calls: frozenset[str]


class TextBuffer:
    """Collects text per call; `take` empties it into a batch, `take_call` takes out one call's."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[_Piece] = []
        self._open: dict[str, _Piece] = {}
        self._returned: list[tuple[str, Event]] = []
        self._numbers: OrderedDict[str, int] = OrderedDict()

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._open

    def text(self, request_id: str, step_id: str | None, call_id: str, text: str) -> None:
        """Add text of a call."""
        piece = self._open.get(call_id)
        if piece is None or piece.type is not EventType.TEXT_DELTA or piece.size >= MAX_PIECE:
            piece = self._new(_Piece(request_id, step_id, call_id, EventType.TEXT_DELTA))
        piece.parts.append(text)
        piece.size += len(text)
        self.size += len(text)

    def chunks(self, request_id: str, call_id: str, first: int, chunks: Sequence[Mapping[str, Any]], size: int) -> None:
        """Add chunks of a gateway call, the next after those before; `size`: the bytes that the model said in them."""
        piece = self._open.get(call_id)
        if piece is None or piece.type is not EventType.CALL_CHUNK or piece.size >= MAX_PIECE:
            piece = self._new(_Piece(request_id, None, call_id, EventType.CALL_CHUNK, first=first))
        piece.chunks.extend(chunks)
        piece.size += size
        self.size += size

    def reset(self, request_id: str, step_id: str | None, call_id: str) -> None:
        """Add the news that the call's text so far is void."""
        self._new(_Piece(request_id, step_id, call_id, EventType.TEXT_RESET))

    def take(self) -> Batch:
        """Empty the buffer."""
        pieces, self._pieces = self._pieces, []
        returned, self._returned = self._returned, []
        calls = frozenset(self._open)
        self._open.clear()
        self.size = 0
        given = [*returned, *((piece.request_id, self._event(piece)) for piece in pieces)]
        return Batch(tuple(request_id for request_id, _ in given), tuple(event for _, event in given), calls)

    def take_call(self, call_id: str) -> tuple[Event, ...]:
        """Take out what one call's text has become."""
        if self._open.pop(call_id, None) is None:
            return ()
        taken = [piece for piece in self._pieces if piece.call_id == call_id]
        self._pieces = [piece for piece in self._pieces if piece.call_id != call_id]
        self.size -= sum(piece.size for piece in taken)
        return tuple(self._event(piece) for piece in taken)

    def give_back(self, request_id: str, events: Iterable[Event]) -> None:
        """Put events that `take_call` took into the next batch."""
        self._returned.extend((request_id, event) for event in events)

    def _new(self, piece: _Piece) -> _Piece:
        self._pieces.append(piece)
        self._open[piece.call_id] = piece
        return piece

    def _event(self, piece: _Piece) -> Event:
        data: dict[str, object] = {"v": 1, "call_id": piece.call_id}
        if piece.type is EventType.CALL_CHUNK:
            data |= {"first": piece.first, "chunks": piece.chunks, "size": piece.size}
        else:
            data["step_id"] = piece.step_id
        if piece.type is EventType.TEXT_DELTA:
            data["text"] = "".join(piece.parts)
        source_seq = self._number(piece.call_id)
        return Event.model_construct(source=f"call/{piece.call_id}", source_seq=source_seq, type=piece.type, data=data)

    def _number(self, call_id: str) -> int:
        number = self._numbers.pop(call_id, 0) + 1
        self._numbers[call_id] = number
        if len(self._numbers) > _REMEMBERED_CALLS:
            self._numbers.popitem(last=False)
        return number
