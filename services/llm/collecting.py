"""Putting an answer together from its chunks, within bounds; and what it used, also when it was cut."""

import json
from collections.abc import Sequence
from typing import cast

from domain.budget import Usage
from domain.content import RESULT_LIMIT
from domain.errors import ModelAnswerTooLarge
from domain.json_fields import is_object, objects_of
from domain.sizes import plain_input_tokens
from services.llm.chat import ChatAnswer, ChatChunk, ChatRequest, Json, PlainAnswer, PlainRequest

CHUNKS_LIMIT = 8 * RESULT_LIMIT
"""Bytes that an answer's chunks may have as JSON."""


class Collected:
    """The answer so far. `taken`: the provider began to answer, so the input counts.

    `keeps_chunks`: the chunks are kept as they came, and what they say counts, be it text, thought or a tool's call.
    """

    def __init__(self, request: ChatRequest, *, keeps_chunks: bool = False) -> None:
        self._request = request
        self._keeps_chunks = keeps_chunks
        self._parts: list[str] = []
        self._size = 0
        self._said = 0
        self._usage: Usage | None = None
        self._finish_reason = "stop"
        self._refused = False
        self.deltas: list[Json] = []
        self.taken = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    def add(self, chunk: ChatChunk) -> int:
        """Take over a chunk; return the bytes in it that the model said.

        Raises:
            ModelAnswerTooLarge: The answer has more bytes now than any may have.
        """
        self.taken = True
        if chunk.finish_reason and self._finish_reason == "stop":
            self._finish_reason = chunk.finish_reason  # of several choices the first that did not just stop
        self._refused = self._refused or chunk.refused
        self._usage = chunk.usage or self._usage
        said = self._add_chunks(chunk.deltas) if self._keeps_chunks else self._add_text(chunk.text)
        self._said += said
        return said

    def _add_text(self, text: str) -> int:
        if not text:
            return 0
        self._parts.append(text)
        size = len(text.encode())
        self._size += size
        if self._size > RESULT_LIMIT:
            raise ModelAnswerTooLarge(f"the model's answer has more than {RESULT_LIMIT} bytes")
        return size

    def _add_chunks(self, deltas: Sequence[Json]) -> int:
        self.deltas.extend(deltas)
        self._size += sum(len(json.dumps(delta)) for delta in deltas)
        if self._size > CHUNKS_LIMIT:
            raise ModelAnswerTooLarge(f"the model's answer has more than {CHUNKS_LIMIT} bytes")
        return sum(said_bytes(delta) for delta in deltas)

    @property
    def spoke(self) -> bool:
        """Whether the model has said anything: from then on its caller may have seen it."""
        return self._said > 0

    def usage(self) -> Usage:
        """Return what the call has used, as told or, where that is missing or impossible, as estimated."""
        delivered = self._said // 3 + 8 if self._said else 0
        return settled(self._usage, self._request, delivered)

    def answer(self, *, simulated: bool) -> ChatAnswer:
        """Return the whole answer."""
        return ChatAnswer(
            text=self.text,
            finish_reason=self._finish_reason,
            refused=self._refused or self._finish_reason == "content_filter",
            usage=self.usage(),
            model=self._request.model,
            simulated=simulated,
            deltas=tuple(self.deltas),
        )


def said_bytes(delta: Json) -> int:
    """Return the bytes of all texts in a chunk's deltas, whatever they are called: the output that a crash leaves."""
    return sum(_texts(choice.get("delta")) for choice in objects_of(delta.get("choices")))


def _texts(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if is_object(value):
        return sum(_texts(item) for key, item in value.items() if key not in _NOT_SAID)
    return sum(_texts(item) for item in cast("list[object]", value)) if isinstance(value, list) else 0


_NOT_SAID = frozenset({"role", "type", "id", "signature"})


def settled(told: Usage | None, request: ChatRequest, delivered_tokens: int) -> Usage:
    """Return a usage that the request allows: no more input than our upper estimate, no more output than was asked for.

    So a call never costs more than what was reserved for it, whatever the provider tells. Where nothing bounds the
    output, what is told beyond ten times what arrived is not believed; thoughts that are not shown fit into that.

    Args:
        told: What the provider told.
        request: The call.
        delivered_tokens: Our estimate of the output that arrived.
    """
    if request.max_output_tokens is not None:
        bound = request.max_output_tokens * request.choices
    else:
        bound = max(10 * delivered_tokens, 10 * request.default_output_tokens)
    ours = Usage(
        input_tokens=request.input_tokens,
        output_tokens=min(delivered_tokens, bound),
        estimated=True,
    )
    if told is None or told.input_tokens == 0 or (told.output_tokens == 0 and delivered_tokens > 0):
        return ours
    if told.input_tokens <= ours.input_tokens and told.output_tokens <= bound:
        return told
    made = told.output_tokens if told.output_tokens <= bound else ours.output_tokens
    return told.model_copy(
        update={
            "input_tokens": min(told.input_tokens, ours.input_tokens),
            "cached_tokens": min(told.cached_tokens, ours.input_tokens),
            "output_tokens": made,
            "reasoning_tokens": min(told.reasoning_tokens, made),
            "estimated": True,
        }
    )


def settled_plain(answer: PlainAnswer, request: PlainRequest) -> Usage:
    """Return the usage of embeddings or a completion: as told, but no more input than was sent by our estimate."""
    ours = plain_input_tokens(request.body)
    told = answer.usage
    if told is None:
        return Usage(input_tokens=ours, estimated=True)
    return told if told.input_tokens <= ours else told.model_copy(update={"input_tokens": ours, "estimated": True})
