"""A chat's answer as Server-Sent Events of the OpenAI API: `chat.completion.chunk` objects, then `[DONE]`.

Each event's id is `<call>:<attempt>.<chunk>`, for Last-Event-ID. What chunks have in common is written once; this is
the path of every token.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from api.gateway.pieces import START, End, Piece, Place
from api.gateway.problems import envelope
from api.gateway.telling import BegunAnew
from api.gateway.usage import usage_of
from domain import ids
from domain.gateway import CallError

DONE: Final = b"data: [DONE]\n\n"
_dump: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_dump_ascii: Final = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
_RESET: Final = _dump_ascii({"choices": [], "longhaul": {"reset": True}})


class CallFacts(Protocol):
    """The call, as far as it is known when it is asked about."""

    @property
    def call_id(self) -> str:
        """The id of the call that answers: known when its first chunk comes."""
        ...

    def told(self) -> Mapping[str, Any]:
        """Return what is known of the call at its end only."""
        ...


@dataclass(frozen=True)
class Chosen:
    """What a client chose of its stream.

    Attributes:
        model: As it was asked for.
        usage: The stream ends with a chunk of usage.
        resets: The answer may begin anew.
        start: What of it the client has.
    """

    model: str
    usage: bool = False
    resets: bool = False
    start: Place = START


class ChatEvents:
    """Writes the events of one call."""

    def __init__(self, call: CallFacts, chosen: Chosen) -> None:
        """Take the call and what the client chose."""
        self._call = call
        self._head = self._event = self._start = ""
        self._chosen = chosen
        self._attempt = chosen.start.n if chosen.start.after >= 0 else 0

    def piece(self, piece: Piece) -> bytes:
        """Return the events of some chunks.

        Raises:
            BegunAnew: They are of another attempt than those before.
        """
        if not self._head:
            self._begin()
        written = [self._reset()] if self._attempt not in (0, piece.n) else []
        self._attempt = piece.n
        start = f"{self._event}{piece.n}."
        for number, chunk in enumerate(piece.chunks, piece.first):
            written.append(f"{start}{number}{self._start}{_dump(chunk)[1:]}\n\n")
        return "".join(written).encode("utf-8", "backslashreplace")  # half a character can be said in escapes only

    def end(self, end: End) -> bytes:
        """Return the last events: usage for a client that wants it, and the end."""
        if not self._chosen.usage:
            return DONE
        if not self._head:
            self._begin()
        last: dict[str, Any] = {"choices": [], "usage": usage_of(end.outcome.usage), "longhaul": self._call.told()}
        return f"data: {self._head},{_dump_ascii(last)[1:]}\n\n".encode() + DONE

    def failure(self, error: CallError) -> bytes:
        """Return the event that ends the stream for an error."""
        return f"data: {_dump_ascii(envelope(error))}\n\n".encode()

    def _begin(self) -> None:
        """Write what all chunks have in common."""
        call_id = self._call.call_id
        known = {"id": completion_id(call_id), "object": "chat.completion.chunk", "created": created(call_id)}
        self._head = _dump_ascii({**known, "model": self._chosen.model})[:-1]
        self._event = f"id: {call_id}:"
        self._start = f'\ndata: {self._head},"usage":null,' if self._chosen.usage else f"\ndata: {self._head},"

    def _reset(self) -> str:
        if not self._chosen.resets:
            raise BegunAnew
        return f"data: {self._head},{_RESET[1:]}\n\n"


def completion_id(call_id: str) -> str:
    """Return a completion's id, the same whenever the call is asked for."""
    return f"chatcmpl-{call_id.removeprefix('call_')}"


def created(call_id: str) -> int:
    """Return when a call was made, in seconds since 1970."""
    return ids.unix_ms_of(call_id) // 1000
