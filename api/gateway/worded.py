"""An answer as events of an API other than chat's: numbered, so that a client may come back for those it has not seen.

An event's id is `<call>:<attempt>.<number>`. The same chunks make the same events, so a client that comes back has the
answer put into words again, and is told what it has not seen.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from api.gateway.following import Asked
from api.gateway.pieces import START, Chunk, End, Piece, Place
from api.gateway.telling import BegunAnew
from domain.gateway import CallError, CallOutcome

Event = Mapping[str, Any]
"""An event. Its `type` is its name."""


class Wording(Protocol):
    """One attempt at an answer, put into events."""

    def begin(self) -> Iterable[Event]:
        """Yield what stands before the first chunk."""
        ...

    def chunk(self, chunk: Chunk) -> Iterable[Event]:
        """Yield the events of a chunk."""
        ...

    def end(self, outcome: CallOutcome) -> Iterable[Event]:
        """Yield what stands after the last chunk."""
        ...

    def failure(self, error: CallError) -> Iterable[Event]:
        """Yield what ends an answer that failed."""
        ...


class WordedCall(Protocol):
    """A call, and how its answer is put into words. Its id is known when its answer begins."""

    @property
    def call_id(self) -> str:
        """The id of the call that answers."""
        ...

    def wording(self) -> Wording:
        """Return the wording of an attempt, nothing said yet."""
        ...


@dataclass(frozen=True)
class Chosen:
    """What a client chose. `resets`: the answer may begin anew; `seen`: the last event that it has."""

    resets: bool = False
    seen: Place = START


def resumed(asked: Asked) -> tuple[Asked, Place]:
    """Return a call as it is to be asked for here, and the last event that the client has.

    Last-Event-ID counts this API's events, not chunks: the whole attempt is wanted, to be put into words again.
    """
    return replace(asked, after=-1), asked.start


class WordedEvents:
    """Writes the events of one call, as `api.gateway.telling.Words`. `reset`: says that the answer begins anew."""

    def __init__(self, call: WordedCall, chosen: Chosen, reset: Event) -> None:
        """Take the call and what the client chose."""
        self._call = call
        self._chosen = chosen
        self._reset = reset
        self._seen = chosen.seen.after
        self._attempt = chosen.seen.n if chosen.seen.after >= 0 else 0
        self._number = 0
        self._wording: Wording | None = None

    def piece(self, piece: Piece) -> bytes:
        """Return the events of some chunks.

        Raises:
            BegunAnew: They are of another attempt than those before, and the client has not said that this may be.
        """
        anew = self._begin_anew() if self._attempt not in (0, piece.n) else b""
        self._attempt = piece.n
        begun, wording = self._begin()
        return anew + begun + b"".join(self._told(wording.chunk(chunk)) for chunk in piece.chunks)

    def end(self, end: End) -> bytes:
        """Return the last events of an answer that is whole."""
        begun, wording = self._begin()
        return begun + self._told(wording.end(end.outcome))

    def failure(self, error: CallError) -> bytes:
        """Return the last events of an answer that failed."""
        begun, wording = self._begin()
        return begun + self._told(wording.failure(error))

    def _begin_anew(self) -> bytes:
        if not self._chosen.resets:
            raise BegunAnew
        self._wording, self._number, self._seen = None, 0, -1
        return event_bytes(self._reset)

    def _begin(self) -> tuple[bytes, Wording]:
        """Return the wording of the present attempt, and its first events where it has just begun."""
        if self._wording is not None:
            return b"", self._wording
        self._wording = wording = self._call.wording()
        return self._told(wording.begin()), wording

    def _told(self, events: Iterable[Event]) -> bytes:
        return b"".join(self._one(event) for event in events)

    def _one(self, event: Event) -> bytes:
        number, self._number = self._number, self._number + 1
        if number <= self._seen:
            return b""
        return event_bytes(event, f"{self._call.call_id}:{max(self._attempt, 1)}.{number}")


def event_bytes(event: Event, event_id: str | None = None) -> bytes:
    """Return an event in the format of the HTML standard, section 9.2."""
    place = "" if event_id is None else f"id: {event_id}\n"
    return f"event: {event['type']}\n{place}data: ".encode() + json_bytes(event) + b"\n\n"


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return an object as compact JSON. Half a character, which a provider has cut, is written as its escape."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
