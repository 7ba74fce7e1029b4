"""An answer as Anthropic's API tells it: blocks one after the other, each whole before the next begins.

The OpenAI API may tell several tool calls at once. Then the first is told as it comes and the others wait until its
JSON is whole, or until the answer ends: nothing is lost, and no block is taken up again.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

from api.gateway.spoken import CallPart, Citation, Native, Spoken, Thought, Words

Event = dict[str, Any]


class Blocks:
    """The blocks of one answer so far, and the events that tell them. `seed`: names tool calls that have no id."""

    def __init__(self, seed: str) -> None:
        """Begin; nothing is said yet."""
        self._seed = seed
        self._blocks: list[_Block] = []
        self._open = 0

    def add(self, piece: Spoken) -> Iterator[Event]:
        """Yield the events that a piece of the answer makes."""
        self._block_for(piece).take(piece)
        yield from self._told(at_end=False)

    def finish(self) -> Iterator[Event]:
        """Yield the events of what is left."""
        yield from self._told(at_end=True)

    def content(self) -> list[Event]:
        """Return the blocks as the content of a whole message."""
        return [block.whole() for block in self._blocks]

    def _block_for(self, piece: Spoken) -> "_Block":
        """Return the block that a piece goes on with, or a new one. Only calls are gone on with out of turn."""
        candidates = self._blocks if isinstance(piece, CallPart) else self._blocks[-1:]
        found = next((block for block in candidates if block.goes_on_with(piece)), None)
        if found is None:
            found = _KINDS[type(piece)](f"toolu_{self._seed}{len(self._blocks)}")
            self._blocks.append(found)
        return found

    def _told(self, *, at_end: bool) -> Iterator[Event]:
        while self._open < len(self._blocks):
            block = self._blocks[self._open]
            for event in block.news():
                yield {**event, "index": self._open}
            more_follow = self._open + 1 < len(self._blocks)
            if not (at_end or (more_follow and block.is_whole())):
                return
            yield {"type": "content_block_stop", "index": self._open}
            self._open += 1


class _Block:
    """One block. `name`: its id when the provider gives none; `news`: what was not told yet of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._began = False
        self._held: list[Event] = []

    def take(self, piece: Any) -> None:
        raise NotImplementedError

    def start(self) -> Event:
        raise NotImplementedError

    def whole(self) -> Event:
        raise NotImplementedError

    def goes_on_with(self, piece: Spoken) -> bool:
        raise NotImplementedError

    def is_whole(self) -> bool:
        """Whether nothing of the block can still come once another has begun."""
        return True

    def hold(self, delta: Event) -> None:
        self._held.append({"type": "content_block_delta", "delta": delta})

    def news(self) -> list[Event]:
        held, self._held = self._held, []
        if self._began:
            return held
        self._began = True
        return [{"type": "content_block_start", "content_block": self.start()}, *held]


class _Text(_Block):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._texts: list[str] = []
        self._citations: list[Any] = []

    def take(self, piece: Words | Citation) -> None:
        if isinstance(piece, Citation):
            self._citations.append(piece.value)
            self.hold({"type": "citations_delta", "citation": piece.value})
        else:
            self._texts.append(piece.text)
            self.hold({"type": "text_delta", "text": piece.text})

    def start(self) -> Event:
        return {"type": "text", "text": ""}

    def whole(self) -> Event:
        cited = {"citations": self._citations} if self._citations else {}
        return {"type": "text", "text": "".join(self._texts), **cited}

    def goes_on_with(self, piece: Spoken) -> bool:
        return isinstance(piece, Words | Citation)


class _Thinking(_Block):
    """Thinking that can be read, or that only the provider can read: that is told whole, in the block's start."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._text = ""
        self._signature = ""
        self._hidden = ""

    def take(self, piece: Thought) -> None:
        self._hidden = piece.hidden
        added = piece.adds_to(self._text)
        if added:
            self._text += added
            self.hold({"type": "thinking_delta", "thinking": added})
        if piece.signature:
            self._signature = piece.signature
            self.hold({"type": "signature_delta", "signature": piece.signature})

    def start(self) -> Event:
        if self._hidden:
            return {"type": "redacted_thinking", "data": self._hidden}
        return {"type": "thinking", "thinking": "", "signature": ""}

    def whole(self) -> Event:
        if self._hidden:
            return self.start()
        return {"type": "thinking", "thinking": self._text, "signature": self._signature}

    def goes_on_with(self, piece: Spoken) -> bool:
        sealed = self._hidden or self._signature
        return isinstance(piece, Thought) and not sealed and not piece.hidden


class _Call(_Block):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._index: int | None = None
        self._id = ""
        self._called = ""
        self._arguments: list[str] = []

    def take(self, piece: CallPart) -> None:
        self._index = piece.index
        self._id = self._id or piece.id
        self._called = self._called or piece.name
        if piece.arguments:
            self._arguments.append(piece.arguments)
            self.hold({"type": "input_json_delta", "partial_json": piece.arguments})

    def start(self) -> Event:
        return {"type": "tool_use", "id": self._id or self.name, "name": self._called, "input": {}}

    def whole(self) -> Event:
        return {**self.start(), "input": _input("".join(self._arguments))}

    def goes_on_with(self, piece: Spoken) -> bool:
        return isinstance(piece, CallPart) and piece.index == self._index

    def is_whole(self) -> bool:
        try:
            return isinstance(json.loads("".join(self._arguments)), dict)
        except ValueError:
            return False


class _Own(_Block):
    """A block of Anthropic's own, told whole in its start."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._block: Event = {}

    def take(self, piece: Native) -> None:
        self._block = dict(piece.block)

    def start(self) -> Event:
        return self._block

    def whole(self) -> Event:
        return self._block

    def goes_on_with(self, piece: Spoken) -> bool:  # noqa: ARG002  it is whole
        return False


_KINDS: dict[type[Spoken], type[_Block]] = {
    Thought: _Thinking,
    Words: _Text,
    Citation: _Text,
    CallPart: _Call,
    Native: _Own,
}


def _input(arguments: str) -> Event:
    """Return a call's arguments. Ones that are no object go on as a text, as Anthropic's documentation advises."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        return {"INVALID_JSON": arguments}
    return cast("Event", value) if isinstance(value, dict) else {"INVALID_JSON": arguments}
