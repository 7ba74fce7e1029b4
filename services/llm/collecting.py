"""Putting an answer together from its chunks, within bounds; and what it used, also when it was cut."""

from domain.budget import Usage
from domain.content import RESULT_LIMIT
from domain.errors import ModelAnswerTooLarge
from services.llm.chat import ChatAnswer, ChatChunk, ChatRequest


class Collected:
    """The answer so far. `taken`: the provider began to answer, so the input counts."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._parts: list[str] = []
        self._size = 0
        self._usage: Usage | None = None
        self._finish_reason = "stop"
        self._refused = False
        self.taken = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    def add(self, chunk: ChatChunk) -> None:
        """Take over a chunk.

        Raises:
            ModelAnswerTooLarge: The text has more than `RESULT_LIMIT` bytes now.
        """
        self.taken = True
        if chunk.text:
            self._parts.append(chunk.text)
            self._size += len(chunk.text.encode())
            if self._size > RESULT_LIMIT:
                raise ModelAnswerTooLarge(f"the model's answer has more than {RESULT_LIMIT} bytes")
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._refused = self._refused or chunk.refused
        self._usage = chunk.usage or self._usage

    def usage(self) -> Usage:
        """Return what the call has used, as told or, where that is missing or impossible, as estimated."""
        delivered = self._size // 3 + 8 if self._size else 0
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
        )


def settled(told: Usage | None, request: ChatRequest, delivered_tokens: int) -> Usage:
    """Return a usage that the request allows: no more input than our upper estimate, no more output than was asked for.

    So a call never costs more than what was reserved for it, whatever the provider tells.

    Args:
        told: What the provider told.
        request: The call.
        delivered_tokens: Our estimate of the output that arrived.
    """
    ours = Usage(
        input_tokens=request.input_tokens,
        output_tokens=min(delivered_tokens, request.max_output_tokens),
        estimated=True,
    )
    if told is None or told.input_tokens == 0 or (told.output_tokens == 0 and delivered_tokens > 0):
        return ours
    if told.input_tokens <= ours.input_tokens and told.output_tokens <= request.max_output_tokens:
        return told
    return Usage(
        input_tokens=min(told.input_tokens, ours.input_tokens),
        cached_tokens=min(told.cached_tokens, ours.input_tokens),
        output_tokens=told.output_tokens if told.output_tokens <= request.max_output_tokens else ours.output_tokens,
        estimated=True,
    )
