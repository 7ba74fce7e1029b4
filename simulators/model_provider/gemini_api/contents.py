"""The contents of a request: their texts, what else costs tokens, and what functions answered."""

import json
from dataclasses import dataclass, field

from simulators.model_provider import tokens
from simulators.model_provider.chat import ToolResult
from simulators.model_provider.errors import ApiError
from simulators.model_provider.fields import read_object, read_objects
from simulators.model_provider.gemini_api.spelling import camel
from simulators.model_provider.json_value import Json, JsonObject, as_object

_ROLES = (None, "user", "model", "function")
_DATA = ("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult")


@dataclass(slots=True)
class Contents:
    """The contents of a request.

    Attributes:
        texts: Role and text of each.
        attached_tokens: Of images, files and calls of functions.
        results: What functions answered in the last turn.
    """

    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    attached_tokens: int = 0
    results: list[ToolResult] = field(default_factory=list[ToolResult])
    _called: int = 0
    """How many functions the turn before has called."""

    def add(self, content: JsonObject, where: str) -> None:
        """Read one more turn; raise ApiError for what is none."""
        role = content.get("role")
        if role not in _ROLES:
            raise ApiError(400, "Please use a valid role: user, model.")
        parts = read_parts(content, where)
        called, self._called = self._called, sum("functionCall" in part for part in parts)
        self.results = [_result(part) for part in parts if "functionResponse" in part]
        if len(self.results) != called:
            text = "the number of function response parts must be equal to the number of function call parts"
            raise ApiError(400, f"Please ensure that {text} of the function call turn.")
        self.attached_tokens += sum(_attached(part) for part in parts)
        self.texts.append((str(role or "user"), text_of(parts)))


def read_contents(raw: Json) -> Contents:
    """Return the contents of a request.

    Raises:
        ApiError: 400; there are none, or one is not of the form the API wants.
    """
    items = read_objects(raw, "contents")
    if not items:
        raise ApiError(400, "* GenerateContentRequest.contents: contents is not specified")
    contents = Contents()
    for index, item in enumerate(items):
        contents.add(item, f"contents[{index}]")
    return contents


def read_parts(content: JsonObject, where: str) -> list[JsonObject]:
    """Return a turn's parts; raise ApiError for one without data."""
    parts = [camel(part) for part in read_objects(content.get("parts"), f"{where}.parts")]
    if not parts:
        raise ApiError(400, f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.")
    for index, part in enumerate(parts):
        if not any(name in part for name in _DATA):
            message = f"* GenerateContentRequest.{where}.parts[{index}].data: required oneof field 'data' must be set"
            raise ApiError(400, message)
    return parts


def text_of(parts: list[JsonObject]) -> str:
    """Return the text in parts, thoughts left out."""
    return "\n".join(str(part["text"]) for part in parts if "text" in part and not part.get("thought"))


def _result(part: JsonObject) -> ToolResult:
    response = read_object(part["functionResponse"], "functionResponse")
    given = response.get("response")
    only = (as_object(given) or {}).get("result")
    text = only if isinstance(only, str) else json.dumps(given, ensure_ascii=False)
    return ToolResult(str(response.get("name")), text)


def _attached(part: JsonObject) -> int:
    if "inlineData" in part:
        inline = camel(as_object(part["inlineData"]) or {})
        is_image = str(inline.get("mimeType")).startswith("image/")
        return tokens.IMAGE if is_image else tokens.count_file(inline.get("data"))
    if "fileData" in part:
        return tokens.IMAGE
    return sum(tokens.count(json.dumps(part[name])) for name in ("functionCall", "functionResponse") if name in part)
