"""The messages of a chat request: their texts, what else in them costs tokens, and what tools answered."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.model_provider import tokens
from simulators.model_provider.chat import ToolResult
from simulators.model_provider.errors import ApiError
from simulators.model_provider.fields import read_object, read_objects, wrong
from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object

_TEXTS = ("text", "input_text")
_ATTACHED: dict[str, Callable[[JsonObject], int]] = {
    "image_url": lambda _part: tokens.IMAGE,
    "input_image": lambda _part: tokens.IMAGE,
    "file": lambda part: tokens.count_file((as_object(part.get("file")) or {}).get("file_data")),
    "input_audio": lambda part: tokens.count_file((as_object(part.get("input_audio")) or {}).get("data")),
}
"""Tokens of the parts that are no text."""


@dataclass(slots=True)
class Messages:
    """The messages of a request.

    Attributes:
        texts: Role and text of each.
        attached_tokens: Of images, files and calls of tools.
        results: What tools answered in the messages at the end.
    """

    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    attached_tokens: int = 0
    results: list[ToolResult] = field(default_factory=list[ToolResult])
    _called: dict[str, str] = field(default_factory=dict[str, str])
    """The tools that the newest calls are of, by the call's id."""

    def add(self, raw: Json, where: str) -> None:
        """Read one more message; raise ApiError for what is none."""
        message = read_object(raw, where)
        role = message.get("role")
        if not isinstance(role, str):
            raise ApiError(400, f"'{where}.role' must be a string", f"{where}.role", "invalid_type")
        text = self._content(message.get("content"), f"{where}.content")
        self.texts.append((role, text))
        if role == "tool":
            self.results.append(ToolResult(self._answered(message, where), text))
        else:
            self.results.clear()
            self._called.clear()
        if message.get("tool_calls"):
            self._add_calls(message["tool_calls"], f"{where}.tool_calls")

    def _content(self, raw: Json, where: str) -> str:
        if isinstance(raw, str):
            return raw
        if raw is None:
            return ""
        items = as_list(raw)
        if items is None:
            raise wrong(where, "a string or an array")
        parts = [part for item in items if (part := as_object(item)) is not None]
        self.attached_tokens += sum(_attached(part) for part in parts)
        return "\n".join(str(part.get("text", "")) for part in parts if part.get("type") in _TEXTS)

    def _answered(self, message: JsonObject, where: str) -> str:
        """Return the name of the tool whose call a message answers."""
        name = self._called.get(str(message.get("tool_call_id")))
        if name is None:
            text = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            raise ApiError(400, text, f"{where}.role", "invalid_value")
        return name

    def _add_calls(self, raw: Json, where: str) -> None:
        for number, call in enumerate(read_objects(raw, where)):
            function = read_object(call.get("function"), f"{where}[{number}].function")
            name = str(function.get("name"))
            self._called[str(call.get("id"))] = name
            self.attached_tokens += tokens.count(name + str(function.get("arguments")))


def read_messages(raw: Json) -> Messages:
    """Return the messages of a request.

    Raises:
        ApiError: 400; there are none, or one is not of the form the API wants.
    """
    items = as_list(raw)
    if not items:
        raise wrong("messages", "a non-empty array")
    messages = Messages()
    for index, item in enumerate(items):
        messages.add(item, f"messages[{index}]")
    return messages


def _attached(part: JsonObject) -> int:
    count = _ATTACHED.get(str(part.get("type")))
    return count(part) if count is not None else 0
