"""The items of a Responses API input as the messages of a chat: what the model did in one turn becomes one message."""

from typing import Any

from api.gateway.chat_body import MAX_MESSAGES
from api.gateway.fields import Fields
from api.gateway.responses import thinking
from api.gateway.responses.parts import content

Message = dict[str, Any]

_SPEAKERS = ("user", "assistant", "system", "developer")


def messages_of(asked: Fields) -> list[Message]:
    """Return the messages of `input`: a text, or items.

    Raises:
        BadField: An item cannot be used, or there is none.
    """
    if isinstance(asked.required("input"), str):
        return [{"role": "user", "content": asked.text("input")}]
    items = asked.objects("input")
    if not 1 <= len(items) <= MAX_MESSAGES:
        raise asked.bad("input", f"must have 1 to {MAX_MESSAGES} items")
    conversation = _Conversation()
    for item in items:
        conversation.take(item)
    return conversation.end()


class _Conversation:
    """The messages so far. `_turn`: the model's message that is still being put together."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._turn: Message | None = None

    def end(self) -> list[Message]:
        """Return the messages. One of thinking alone says nothing, which a chat must say as an empty text."""
        for message in self._messages:
            if message["content"] is None and "tool_calls" not in message:
                message["content"] = ""
        return self._messages

    def take(self, item: Fields) -> None:
        match item.maybe_text("type") or "message":
            case "message":
                self._message(item)
            case "function_call":
                self._model().setdefault("tool_calls", []).append(_call(item))
            case "function_call_output":
                self._add({"role": "tool", "tool_call_id": item.text("call_id"), "content": content(item, "output")})
            case "reasoning":
                self._thought(item)
            case _:
                raise item.bad("type", "is not supported here", "unsupported_value")

    def _message(self, item: Fields) -> None:
        role = item.choice("role", *_SPEAKERS)
        said = content(item, "content")
        if role != "assistant":
            self._add({"role": role, "content": said})
            return
        if self._turn is not None and self._turn["content"] is not None and "tool_calls" not in self._turn:
            self._turn = None
        turn = self._model()
        turn["content"] = said if turn["content"] is None else _as_parts(turn["content"]) + _as_parts(said)

    def _thought(self, item: Fields) -> None:
        """Take thinking in: as it was kept for the provider, or else its text."""
        if self._turn is not None and (self._turn["content"] is not None or "tool_calls" in self._turn):
            self._turn = None
        turn = self._model()
        blocks = thinking.opened(item)
        if blocks:
            turn["thinking_blocks"] = [*turn.get("thinking_blocks", []), *blocks]
            return
        text = thinking.text_of(item)
        if text:
            turn["reasoning_content"] = turn.get("reasoning_content", "") + text

    def _model(self) -> Message:
        if self._turn is None:
            self._turn = {"role": "assistant", "content": None}
            self._messages.append(self._turn)
        return self._turn

    def _add(self, message: Message) -> None:
        self._turn = None
        self._messages.append(message)


def _call(item: Fields) -> Message:
    function = {"name": item.text("name"), "arguments": item.text("arguments")}
    return {"id": item.text("call_id"), "type": "function", "function": function}


def _as_parts(said: str | list[Message]) -> list[Message]:
    return [{"type": "text", "text": said}] if isinstance(said, str) else said
