"""`POST /v1/completions`: the older API, of one text that is gone on with."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.model_pool import Dialect
from simulators.model_provider import tokens
from simulators.model_provider.chat import ChatCall, Kind
from simulators.model_provider.dialect import Asked, Incoming, Stamp, Streamed
from simulators.model_provider.errors import ApiError
from simulators.model_provider.exchange import dump
from simulators.model_provider.fields import read_body, read_bool, read_count, read_model, read_stops
from simulators.model_provider.json_value import Json, JsonObject
from simulators.model_provider.openai_api.chat_words import DONE, EVENTS, sse
from simulators.model_provider.openai_api.inputs import read_inputs
from simulators.model_provider.openai_api.reading import read_include_usage
from simulators.model_provider.openai_api.words import FINGERPRINT
from simulators.model_provider.pieces import pieces
from simulators.model_provider.replies import Reply
from simulators.model_provider.usage import in_openai_words, tell

_USUAL_TOKENS = 16
"""What the API allows an answer unless told otherwise."""


def read_completion(incoming: Incoming, key: str) -> Asked:
    """Read a request. This server goes on with one prompt a call; raises ApiError for more, and for what is none."""
    data = read_body(incoming.body)
    model = read_model(data)
    inputs = read_inputs(data.get("prompt"), "prompt")
    if len(inputs) > 1:
        raise ApiError(400, "this server takes one prompt a call", "prompt", "unsupported_value")
    call = ChatCall(
        dialect=Dialect.OPENAI,
        kind=Kind.COMPLETION,
        key=key,
        model=model,
        text=inputs[0].text,
        stream=read_bool(data, "stream"),
        max_tokens=read_count(data, "max_tokens") or _USUAL_TOKENS,
        prompt_tokens=max(inputs[0].tokens, tokens.count(" ")),
        idempotency_key=incoming.header(b"idempotency-key"),
        stop=read_stops(data.get("stop"), "stop"),
    )
    words = _Words(model, read_include_usage(data.get("stream_options")))
    return Asked(call, words.whole, words.streamed)


@dataclass(frozen=True, slots=True)
class _Words:
    model: str
    include_usage: bool

    def whole(self, reply: Reply, stamp: Stamp) -> bytes:
        body = self._body(stamp, [_choice(reply.said, reply.finish)])
        return dump(body | tell("usage", reply.usage, reply.spoilt, in_openai_words))

    def streamed(self, reply: Reply, stamp: Stamp) -> Streamed:
        closing = [sse(self._body(stamp, [_choice("", reply.finish)]))]
        told = tell("usage", reply.usage, reply.spoilt, in_openai_words) if self.include_usage else {}
        closing += [sse(self._body(stamp, []) | told)] if told else []
        return Streamed(EVENTS, b"", self._pieces(reply, stamp), (*closing, DONE))

    def _pieces(self, reply: Reply, stamp: Stamp) -> Iterator[bytes]:
        for piece in pieces(reply.said):
            yield sse(self._body(stamp, [_choice(piece, None)]))

    def _body(self, stamp: Stamp, choices: list[Json]) -> JsonObject:
        return {
            "id": f"cmpl-{stamp.id}",
            "object": "text_completion",
            "created": stamp.created,
            "model": self.model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }


def _choice(text: str, finish_reason: str | None) -> JsonObject:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}
