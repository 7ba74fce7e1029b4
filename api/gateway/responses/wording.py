"""From an answer's chunks to the events and the whole response of OpenAI's Responses API."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.gateway.chat_chunks import created
from api.gateway.responses.output import Output, Sayable
from api.gateway.responses.shown import Shown
from api.gateway.spoken import spoken
from domain.budget import Usage
from domain.gateway import CallError, CallOutcome

Json = Mapping[str, Any]
Event = dict[str, Any]

_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer is incomplete, by how it finished."""
_CODES = {429: "rate_limit_exceeded", 400: "invalid_prompt"}


@dataclass(frozen=True)
class Heading:
    """What every response says of itself: the call's id, the model, the request, our own words.

    `told`: returns what stands under `longhaul` at the end.
    """

    call_id: str
    model: str
    shown: Shown
    told: Callable[[], Json]

    @property
    def response(self) -> Event:
        """Return the response before anything was said."""
        return {
            **self.shown.echo,
            "id": f"resp_{self.call_id.removeprefix('call_')}",
            "object": "response",
            "created_at": created(self.call_id),
            "model": self.model,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "output": [],
            "usage": None,
        }


class Wording:
    """One answer, put into events as it comes. The same chunks make the same events, however they are batched."""

    def __init__(self, heading: Heading) -> None:
        """Begin; nothing is said yet."""
        self._heading = heading
        self._output = Output(heading.call_id[-12:] + "_", heading.shown)
        self._told = 0

    def begin(self) -> Iterator[Event]:
        """Yield what stands before the first chunk."""
        for kind in ("created", "in_progress"):
            yield self._numbered({"type": f"response.{kind}", "response": self._heading.response})

    def chunk(self, chunk: Json) -> Iterator[Event]:
        """Yield the events of a chunk."""
        for piece in spoken(chunk):
            if isinstance(piece, Sayable):
                yield from map(self._numbered, self._output.add(piece))

    def end(self, outcome: CallOutcome) -> Iterator[Event]:
        """Yield what stands after the last chunk."""
        yield from map(self._numbered, self._output.finish())
        response = self.whole(outcome)
        yield self._numbered({"type": f"response.{response['status']}", "response": response})

    def failure(self, error: CallError) -> Iterator[Event]:
        """Yield the event that ends an answer that failed; what was said of it stays incomplete."""
        failed = {"status": "failed", "error": _error(error), "output": self._output.items("incomplete")}
        response = {**self._heading.response, **failed, "longhaul": self._heading.told()}
        yield self._numbered({"type": "response.failed", "response": response})

    def whole(self, outcome: CallOutcome) -> Event:
        """Return the response in one piece."""
        reason = _CUT.get(outcome.finish_reason or "")
        status = "incomplete" if reason else "completed"
        return {
            **self._heading.response,
            "status": status,
            "incomplete_details": {"reason": reason} if reason else None,
            "output": self._output.items(status),
            "usage": usage_of(outcome.usage),
            "longhaul": self._heading.told(),
        }

    def _numbered(self, event: Event) -> Event:
        number, self._told = self._told, self._told + 1
        return {**event, "sequence_number": number}


def response_of(heading: Heading, chunks: tuple[Json, ...], outcome: CallOutcome) -> Event:
    """Return the whole response that chunks make."""
    wording = Wording(heading)
    for chunk in chunks:
        for _ in wording.chunk(chunk):
            pass
    return wording.whole(outcome)


def usage_of(usage: Usage) -> Event:
    """Return the tokens as the Responses API counts them: input includes what came out of a cache."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": min(usage.cached_tokens, usage.input_tokens),
            "cache_write_tokens": 0,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _error(error: CallError) -> Event:
    """Return the error of a response that had begun. The API's own codes are few; ours stands beside."""
    code = _CODES.get(error.status, "server_error")
    return {"code": code, "message": error.message, "type": error.type, "longhaul_code": error.code}
