"""The messages of a request to the Messages API: their texts, what else costs tokens, and what tools answered."""

import json
from dataclasses import dataclass, field

from simulators.model_provider import tokens
from simulators.model_provider.anthropic_api.signatures import is_signed
from simulators.model_provider.chat import ToolResult
from simulators.model_provider.errors import ApiError
from simulators.model_provider.fields import read_objects, read_text, wrong
from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object


@dataclass(slots=True)
class Messages:
    """The messages of a request.

    Attributes:
        texts: Role and text of each.
        attached_tokens: Of images, documents, thinking and calls of tools.
        results: What tools answered in the last message.
    """

    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    attached_tokens: int = 0
    results: list[ToolResult] = field(default_factory=list[ToolResult])
    _called: dict[str, str] = field(default_factory=dict[str, str])
    """The tools that the message before has called, by the call's id."""

    def add(self, message: JsonObject, where: str) -> None:
        """Read one more message; raise ApiError for what is none."""
        role = message.get("role")
        if role not in ("user", "assistant"):
            raise ApiError(400, f"{where}.role: Input should be 'user' or 'assistant'")
        blocks = read_blocks(message.get("content"), f"{where}.content")
        unanswered, self._called = self._called, {}
        self.results = []
        for index, block in enumerate(blocks):
            self._add_block(block, f"{where}.content.{index}", unanswered)
        if unanswered:
            ids = ", ".join(unanswered)
            raise ApiError(400, f"{where}: `tool_use` ids without `tool_result` blocks immediately after: {ids}")
        self.texts.append((str(role), text_of(blocks)))

    def _add_block(self, block: JsonObject, where: str, unanswered: dict[str, str]) -> None:
        match block.get("type"):
            case "text":
                read_text(block.get("text"), f"{where}.text")
            case "image":
                self.attached_tokens += tokens.IMAGE
            case "document":
                self.attached_tokens += tokens.count_file((as_object(block.get("source")) or {}).get("data"))
            case "tool_use":
                self._add_call(block)
            case "tool_result":
                self._add_result(block, where, unanswered)
            case "thinking":
                self._add_thinking(block, where)
            case "redacted_thinking":
                pass
            case other:
                raise ApiError(400, f"{where}: Input tag {other!r} does not match any of the expected tags")

    def _add_call(self, block: JsonObject) -> None:
        self._called[str(block.get("id"))] = str(block.get("name"))
        self.attached_tokens += tokens.count(str(block.get("name")) + json.dumps(block.get("input")))

    def _add_result(self, block: JsonObject, where: str, unanswered: dict[str, str]) -> None:
        name = unanswered.pop(str(block.get("tool_use_id")), None)
        if name is None:
            text = f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {block.get('tool_use_id')}"
            raise ApiError(400, text)
        blocks = read_blocks(block.get("content") or "", f"{where}.content")
        self.attached_tokens += tokens.IMAGE * sum(part.get("type") == "image" for part in blocks)
        text = text_of(blocks)
        self.attached_tokens += tokens.count(text)
        self.results.append(ToolResult(name, text))

    def _add_thinking(self, block: JsonObject, where: str) -> None:
        thinking = str(block.get("thinking") or "")
        if not is_signed(thinking, block.get("signature")):
            raise ApiError(400, f"{where}: Invalid `signature` in `thinking` block")
        self.attached_tokens += tokens.count(thinking)


def read_messages(raw: Json) -> Messages:
    """Return the messages of a request.

    Raises:
        ApiError: 400; there are none, or one is not of the form the API wants.
    """
    items = read_objects(raw, "messages")
    if not items:
        raise ApiError(400, "messages: at least one message is required")
    messages = Messages()
    for index, item in enumerate(items):
        messages.add(item, f"messages.{index}")
    return messages


def read_blocks(raw: Json, where: str) -> list[JsonObject]:
    """Return content as blocks: a text is one; raise ApiError for any other value."""
    if isinstance(raw, str):
        return [{"type": "text", "text": raw}] if raw else []
    if as_list(raw) is None:
        raise wrong(where, "a string or an array of blocks")
    return read_objects(raw, where)


def text_of(blocks: list[JsonObject]) -> str:
    """Return the text in blocks."""
    return "\n".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")
