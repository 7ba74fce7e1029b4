"""The items of an answer in the Responses API: thinking, the message, calls of functions, each told as it comes."""

import json
from collections.abc import Iterator
from typing import Any

from api.gateway.responses import thinking
from api.gateway.responses.shown import Shown
from api.gateway.spoken import CallPart, Thought, Words

Event = dict[str, Any]
Sayable = Thought | Words | CallPart
"""What this API has a form for."""


class Item:
    """One item of an answer. Its events lack `output_index`, which `Output` adds."""

    def __init__(self, item_id: str) -> None:
        self.id = item_id

    def take(self, piece: Any) -> Iterator[Event]:
        """Yield the events of a piece that belongs to this item."""
        raise NotImplementedError

    def close(self) -> Iterator[Event]:
        """Yield the events that end the item's parts."""
        yield from ()

    def is_whole(self) -> bool:
        """Whether nothing of it can come once another item has begun."""
        return True

    def shown(self, status: str) -> Event:
        """Return the item with what it holds so far."""
        raise NotImplementedError

    def _event(self, kind: str, **fields: Any) -> Event:
        return {"type": f"response.{kind}", "item_id": self.id, **fields}


class ThinkingItem(Item):
    """The model's thinking: its text as a summary where one was asked for, else as content."""

    def __init__(self, item_id: str, show: Shown) -> None:
        super().__init__(item_id)
        self._show = show
        self._blocks: list[Event] = []
        self._told_text = ""

    def take(self, piece: Thought) -> Iterator[Event]:
        """Yield the events of a thought, none of one that only the provider can read."""
        added = self._keep(piece)
        if not added:
            return
        if not self._told_text:
            yield self._part("added", "")
        self._told_text += added
        yield self._told("delta", delta=added)

    def close(self) -> Iterator[Event]:
        """Yield the end of the text."""
        if self._told_text:
            yield self._told("done", text=self._told_text)
            yield self._part("done", self._told_text)

    def shown(self, status: str) -> Event:
        """Return the item; its text stands where it was told."""
        parts = [{"type": self._kind, "text": self._told_text}] if self._told_text else []
        item: Event = {"id": self.id, "type": "reasoning", "summary": parts if self._show.summary else []}
        if not self._show.summary:
            item["content"] = parts
        if self._show.kept_thinking:
            item["encrypted_content"] = thinking.packed(self._blocks)
        return {**item, "status": status}

    @property
    def _kind(self) -> str:
        return "summary_text" if self._show.summary else "reasoning_text"

    def _told(self, what: str, **fields: Any) -> Event:
        if self._show.summary:
            return self._event(f"reasoning_summary_text.{what}", summary_index=0, **fields)
        return self._event(f"reasoning_text.{what}", content_index=0, **fields)

    def _part(self, what: str, text: str) -> Event:
        part = {"type": self._kind, "text": text}
        if self._show.summary:
            return self._event(f"reasoning_summary_part.{what}", summary_index=0, part=part)
        return self._event(f"content_part.{what}", content_index=0, part=part)

    def _keep(self, piece: Thought) -> str:
        """Put the provider's blocks together again, as they must be sent back; return the text that is new."""
        if piece.hidden:
            self._blocks.append({"type": "redacted_thinking", "data": piece.hidden})
            return ""
        block = self._blocks[-1] if self._blocks else {}
        if block.get("type") != "thinking" or block["signature"]:
            block = {"type": "thinking", "thinking": "", "signature": ""}
            self._blocks.append(block)
        added = piece.adds_to(block["thinking"])
        block["thinking"] += added
        block["signature"] = piece.signature
        return added


class MessageItem(Item):
    """What the model says to the user: parts of text, or of a refusal."""

    def __init__(self, item_id: str) -> None:
        super().__init__(item_id)
        self._parts: list[Event] = []

    def take(self, piece: Words) -> Iterator[Event]:
        """Yield the events of a text."""
        key = "refusal" if piece.refusal else "text"
        if not self._parts or key not in self._parts[-1]:
            yield from self.close()
            self._parts.append(_empty_part(key))
            yield self._part("added")
        part = self._parts[-1]
        part[key] += piece.text
        if piece.refusal:
            yield self._told("refusal.delta", delta=piece.text)
            return
        part["logprobs"] += piece.logprobs
        yield self._told("output_text.delta", delta=piece.text, logprobs=list(piece.logprobs))

    def close(self) -> Iterator[Event]:
        """Yield the end of the last part."""
        if not self._parts:
            return
        part = self._parts[-1]
        if part["type"] == "refusal":
            yield self._told("refusal.done", refusal=part["refusal"])
        else:
            yield self._told("output_text.done", text=part["text"], logprobs=list(part["logprobs"]))
        yield self._part("done")

    def shown(self, status: str) -> Event:
        """Return the item."""
        parts = [dict(part) for part in self._parts]
        return {"id": self.id, "type": "message", "role": "assistant", "status": status, "content": parts}

    def _told(self, kind: str, **fields: Any) -> Event:
        return self._event(kind, content_index=len(self._parts) - 1, **fields)

    def _part(self, what: str) -> Event:
        return self._told(f"content_part.{what}", part=dict(self._parts[-1]))


class CallItem(Item):
    """A call of a function. Its id for the model is the provider's, or is made here where there is none."""

    def __init__(self, item_id: str, first: CallPart) -> None:
        super().__init__(item_id)
        self._call_id = first.id or item_id.replace("fc_", "call_", 1)
        self._name = first.name
        self._arguments: list[str] = []

    def take(self, piece: CallPart) -> Iterator[Event]:
        """Yield the events of a part of the arguments."""
        self._name = self._name or piece.name
        if piece.arguments:
            self._arguments.append(piece.arguments)
            yield self._event("function_call_arguments.delta", delta=piece.arguments)

    def close(self) -> Iterator[Event]:
        """Yield the end of the arguments."""
        written = "".join(self._arguments)
        yield self._event("function_call_arguments.done", arguments=written, name=self._name)

    def is_whole(self) -> bool:
        """Whether the arguments are whole JSON."""
        try:
            return isinstance(json.loads("".join(self._arguments)), dict)
        except ValueError:
            return False

    def shown(self, status: str) -> Event:
        """Return the item."""
        item = {"id": self.id, "type": "function_call", "status": status, "call_id": self._call_id}
        return {**item, "name": self._name, "arguments": "".join(self._arguments)}


def _empty_part(key: str) -> Event:
    if key == "refusal":
        return {"type": "refusal", "refusal": ""}
    return {"type": "output_text", "text": "", "annotations": [], "logprobs": []}


class Output:
    """The items of one answer so far, and the events that tell them. `seed`: makes the items' ids."""

    def __init__(self, seed: str, show: Shown) -> None:
        self._seed = seed
        self._show = show
        self._items: list[tuple[tuple[str, int], Item]] = []
        self._open: list[int] = []

    def add(self, piece: Sayable) -> Iterator[Event]:
        """Yield the events that a piece of the answer makes."""
        key = _key(piece)
        place = next((at for at in self._open if self._items[at][0] == key), None)
        if place is None and self._was_whole(piece):
            return
        if place is None:
            yield from self._close(at_end=False)
            place = len(self._items)
            self._items.append((key, self._made(piece, place)))
            self._open.append(place)
            item = self._items[place][1].shown("in_progress")
            yield {"type": "response.output_item.added", "output_index": place, "item": item}
        for event in self._items[place][1].take(piece):
            yield {**event, "output_index": place}

    def finish(self) -> Iterator[Event]:
        """Yield the events of what is still open."""
        yield from self._close(at_end=True)

    def items(self, status: str = "completed") -> list[Event]:
        """Return all items; `status`: of those that are still open."""
        return [
            item.shown(status if place in self._open else "completed") for place, (_, item) in enumerate(self._items)
        ]

    def _was_whole(self, piece: Sayable) -> bool:
        """Whether a piece comes after the end of its call, as the empty last ones of some servers do."""
        return isinstance(piece, CallPart) and not piece.id and any(key == _key(piece) for key, _ in self._items)

    def _close(self, *, at_end: bool) -> Iterator[Event]:
        for place in list(self._open):
            item = self._items[place][1]
            if not (at_end or item.is_whole()):
                continue
            self._open.remove(place)
            for event in item.close():
                yield {**event, "output_index": place}
            done = item.shown("completed")
            yield {"type": "response.output_item.done", "output_index": place, "item": done}

    def _made(self, piece: Sayable, place: int) -> Item:
        match piece:
            case Thought():
                return ThinkingItem(f"rs_{self._seed}{place}", self._show)
            case Words():
                return MessageItem(f"msg_{self._seed}{place}")
            case CallPart():
                return CallItem(f"fc_{self._seed}{place}", piece)


def _key(piece: Sayable) -> tuple[str, int]:
    if isinstance(piece, CallPart):
        return ("call", piece.index)
    return ("thinking" if isinstance(piece, Thought) else "words", 0)
