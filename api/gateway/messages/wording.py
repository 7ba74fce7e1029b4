"""From an answer's chunks to the events and the whole message of Anthropic's Messages API."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.gateway.messages.blocks import Blocks
from api.gateway.messages.problems import envelope
from api.gateway.spoken import Stop, spoken, stop_of
from domain.budget import Usage
from domain.gateway import CallError, CallOutcome

Json = Mapping[str, Any]
Event = dict[str, Any]

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_NATIVE = frozenset({"pause_turn", "model_context_window_exceeded"})
"""Reasons that the OpenAI API has no word for; an adapter hands them on in the provider's own."""


@dataclass(frozen=True)
class Heading:
    """What every message says of itself, whatever its content: its id, the model that was asked for, our own words.

    `told`: returns what stands under `longhaul` at the end; `request_id`: stands in errors.
    """

    call_id: str
    model: str
    told: Callable[[], Json]
    request_id: str

    @property
    def message(self) -> Event:
        """Return the message before anything was said."""
        return {
            "id": f"msg_{self.call_id.removeprefix('call_')}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }


class Wording:
    """One answer, put into events as it comes. The same chunks make the same events, however they are batched."""

    def __init__(self, heading: Heading) -> None:
        """Begin; nothing is said yet."""
        self._heading = heading
        self._blocks = Blocks(heading.call_id[-12:])
        self._stop = Stop()

    def begin(self) -> Iterator[Event]:
        """Yield what stands before the first chunk. Tokens are counted at the end, so they are 0 here."""
        yield {"type": "message_start", "message": self._heading.message}

    def chunk(self, chunk: Json) -> Iterator[Event]:
        """Yield the events of a chunk."""
        self._stop = stop_of(chunk) or self._stop
        for piece in spoken(chunk):
            yield from self._blocks.add(piece)

    def end(self, outcome: CallOutcome) -> Iterator[Event]:
        """Yield what stands after the last chunk."""
        yield from self._blocks.finish()
        told = {"usage": usage_of(outcome.usage), "longhaul": self._heading.told()}
        yield {"type": "message_delta", "delta": self._reason(outcome), **told}
        yield {"type": "message_stop"}

    def failure(self, error: CallError) -> Iterator[Event]:
        """Yield the event that ends an answer that failed."""
        yield envelope(error, self._heading.request_id)

    def whole(self, outcome: CallOutcome) -> Event:
        """Return the message in one piece."""
        said = {"content": self._blocks.content(), **self._reason(outcome), "usage": usage_of(outcome.usage)}
        return {**self._heading.message, **said, "longhaul": self._heading.told()}

    def _reason(self, outcome: CallOutcome) -> Event:
        stop = self._stop
        reason = _STOP_REASONS.get(outcome.finish_reason or "stop", "end_turn")
        if outcome.refused:
            reason = "refusal"
        elif stop.native in _NATIVE:
            reason = stop.native
        elif reason == "end_turn" and stop.text is not None:
            return {"stop_reason": "stop_sequence", "stop_sequence": stop.text}
        details = {"stop_details": stop.details} if stop.details else {}
        return {"stop_reason": reason, "stop_sequence": None, **details}


def message_of(heading: Heading, chunks: tuple[Json, ...], outcome: CallOutcome) -> Event:
    """Return the whole message that chunks make."""
    wording = Wording(heading)
    for chunk in chunks:
        for _ in wording.chunk(chunk):
            pass
    return wording.whole(outcome)


def usage_of(usage: Usage) -> Event:
    """Return the tokens as Anthropic's API counts them: input that came out of a cache stands apart."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    return {
        "input_tokens": usage.input_tokens - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }
