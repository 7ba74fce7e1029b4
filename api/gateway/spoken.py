"""What a chunk of a chat says, part by part: what the doors that speak another API than chat's put into their words.

Only the first choice is looked at; the other APIs have but one answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.json_fields import object_of, objects_of, text_of

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Thought:
    """Thinking.

    Attributes:
        whole: The text is that of the whole block, of which a part may have been told already.
        signature, hidden: What the provider wants back as it is: the block's seal, thinking only it can read.
    """

    text: str = ""
    whole: bool = False
    signature: str = ""
    hidden: str = ""

    def adds_to(self, told: str) -> str:
        """Return what this adds to a block of which so much was told."""
        return "" if self.whole and self.text == told else self.text


@dataclass(frozen=True, slots=True)
class Words:
    """Text of the answer, or of a refusal to give one."""

    text: str
    refusal: bool = False
    logprobs: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Where the text so far has something from, in Anthropic's form."""

    value: Json


@dataclass(frozen=True, slots=True)
class CallPart:
    """A part of a tool call, the `index`-th of the answer. Id and name stand in its first part."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Native:
    """A block of Anthropic's own that has no other form, such as what a tool of its servers found."""

    block: Json


Spoken = Thought | Words | Citation | CallPart | Native


@dataclass(frozen=True, slots=True)
class Stop:
    """Why an answer ended, beyond the finish reason: the text it stopped at, and what the provider itself calls it."""

    text: str | None = None
    native: str = ""
    details: Json | None = None


def spoken(chunk: Json) -> Iterator[Spoken]:
    """Yield what a chunk says, in the order in which a model says it: thinking, text, calls."""
    choice = _first_choice(chunk)
    delta = object_of(choice.get("delta"))
    yield from _thoughts(delta)
    text = _words(delta.get("content"))
    if text:
        yield Words(text, logprobs=tuple(objects_of(object_of(choice.get("logprobs")).get("content"))))
    refusal = text_of(delta.get("refusal"))
    if refusal:
        yield Words(refusal, refusal=True)
    for citation in objects_of(delta.get("citations")):
        yield Citation(citation)
    for block in objects_of(delta.get("anthropic_blocks")):
        yield Native({key: value for key, value in block.items() if key != "index"})
    yield from _calls(delta)


def stop_of(chunk: Json) -> Stop | None:
    """Return why the answer ended, None where a chunk does not end it. vLLM tells the text as `stop_reason`."""
    choice = _first_choice(chunk)
    if choice.get("finish_reason") is None:
        return None
    text = text_of(choice.get("stop_sequence")) or text_of(choice.get("stop_reason"))
    return Stop(
        text or None, text_of(choice.get("native_finish_reason")), object_of(choice.get("stop_details")) or None
    )


def _thoughts(delta: Json) -> Iterator[Thought]:
    """Yield the thinking of a delta. Where it comes both as a text and as blocks, the text is told once."""
    text = text_of(delta.get("reasoning_content")) or text_of(delta.get("reasoning"))
    if text:
        yield Thought(text)
    for block in objects_of(delta.get("thinking_blocks")):
        said = "" if text else text_of(block.get("thinking"))
        thought = Thought(said, bool(said), text_of(block.get("signature")), text_of(block.get("data")))
        if thought != Thought():
            yield thought


def _calls(delta: Json) -> Iterator[CallPart]:
    for place, call in enumerate(objects_of(delta.get("tool_calls"))):
        function = object_of(call.get("function"))
        index = call.get("index")
        yield CallPart(
            index if isinstance(index, int) else place,
            text_of(call.get("id")),
            text_of(function.get("name")),
            text_of(function.get("arguments")),
        )


def _first_choice(chunk: Json) -> Json:
    first = [choice for choice in objects_of(chunk.get("choices")) if choice.get("index", 0) == 0]
    return first[0] if first else {}


def _words(content: object) -> str:
    """Return the text of a content; some servers send it in parts."""
    return text_of(content) or "".join(text_of(part.get("text")) for part in objects_of(content))
