"""What a call answers, as data: text for a model, structure for the next step, marks for what was odd."""

import json
from typing import Any, cast

import mcp_types as types
from pydantic import JsonValue

from domain.errors import ToolAnswerInvalid, ToolAnswerTooLarge
from domain.hidden import strip_hidden
from domain.value import Value
from services.tools.client.cleaning import Cleaning
from services.tools.client.masking import Mask
from services.tools.client.schemas import violations

CONTRACT_VIOLATION = "contract_violation"
"""The answer breaks the output schema that the tool told."""
HIDDEN_REMOVED = "hidden_characters_removed"
CREDENTIAL_MASKED = "credential_masked"
"""The answer held one of the server's own credentials."""

MESSAGE_LIMIT = 500
_WRAPPED = "x-fastmcp-wrap-result"
_SHOWN = 200


class Answer(Value):
    """An answer.

    Attributes:
        text: For a model or a person; nothing hidden in it.
        structured: The same as JSON, if the tool gave it.
        marks: What was odd: `contract_violation`, `hidden_characters_removed`, `credential_masked`.
    """

    text: str
    structured: JsonValue | None = None
    marks: tuple[str, ...] = ()


class Progress(Value):
    """How far a call is, as the server tells it; `total` in the same unit as `progress`, if it is known."""

    progress: float
    total: float | None = None
    message: str | None = None


class Reader:
    """Makes answers of results: cleans, checks, bounds.

    Attributes:
        limit: Bytes that an answer's text may have.
        mask: Takes the server's credentials out.
    """

    def __init__(self, limit: int, mask: Mask) -> None:
        self._limit = limit
        self._mask = mask

    def tool(self, result: types.CallToolResult, output_schema: dict[str, Any] | None) -> Answer:
        """Return a tool's answer; one that breaks the schema is kept and marked.

        Raises:
            ToolAnswerTooLarge: It is over the limit.
            ToolAnswerInvalid: It holds what is no JSON.
        """
        structured = cast("JsonValue", result.structured_content)
        marks = (CONTRACT_VIOLATION,) if _violates(result, output_schema) else ()
        if structured is None:
            return self._answer(texts(result.content), None, marks)
        structured = _unwrapped(structured, output_schema)
        return self._answer(structured if isinstance(structured, str) else None, structured, marks)

    def resource(self, result: types.ReadResourceResult) -> Answer:
        """Return a resource's text.

        Raises:
            ToolAnswerTooLarge: It is over the limit.
        """
        return self._answer("\n\n".join(_contents(part) for part in result.contents), None, ())

    def prompt(self, result: types.GetPromptResult) -> Answer:
        """Return a prompt's messages, each after its role.

        Raises:
            ToolAnswerTooLarge: It is over the limit.
        """
        messages = (f"{message.role}: {_block(message.content)}" for message in result.messages)
        return self._answer("\n\n".join(messages), None, ())

    def _answer(self, text: str | None, structured: JsonValue, marks: tuple[str, ...]) -> Answer:
        cleaning = Cleaning(self._mask)
        structured = cleaning.value(structured)
        text = _compact(structured) if text is None else cleaning.text(text)
        if len(text.encode()) > self._limit:
            raise ToolAnswerTooLarge(
                f"the answer is over the server's limit of {self._limit:,} bytes", may_have_happened=True
            )
        found = ((HIDDEN_REMOVED,) if cleaning.hidden else ()) + ((CREDENTIAL_MASKED,) if cleaning.masked else ())
        return Answer(text=text, structured=structured, marks=marks + found)


def texts(content: list[types.ContentBlock]) -> str:
    """Return the blocks as one text."""
    return "\n\n".join(_block(block) for block in content)


def told(progress: float, total: float | None, message: str | None) -> Progress:
    """Return what a progress notification tells, bounded."""
    clean = None if message is None else strip_hidden(message)[0][:MESSAGE_LIMIT]
    return Progress(progress=progress, total=total, message=clean)


def _violates(result: types.CallToolResult, schema: dict[str, Any] | None) -> bool:
    if schema is None:
        return False
    if result.structured_content is None and "structured_content" not in result.model_fields_set:
        return True
    return bool(violations(schema, result.structured_content, limit=1))


def _unwrapped(structured: JsonValue, schema: dict[str, Any] | None) -> JsonValue:
    """Return what FastMCP wraps in an object because it is none."""
    wrapped = bool(schema and schema.get(_WRAPPED)) and isinstance(structured, dict) and list(structured) == ["result"]
    return cast("dict[str, JsonValue]", structured)["result"] if wrapped else structured


def _compact(value: JsonValue) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise ToolAnswerInvalid("the answer holds a value that is no JSON", may_have_happened=True) from None


def _block(block: types.ContentBlock) -> str:
    match block:
        case types.TextContent(text=text):
            return text
        case types.ImageContent(data=data, mime_type=kind):
            return _note("image", kind, data)
        case types.AudioContent(data=data, mime_type=kind):
            return _note("audio", kind, data)
        case types.EmbeddedResource(resource=resource):
            return _contents(resource)
        case types.ResourceLink(uri=uri, name=name):
            return f"[resource {uri[:_SHOWN]} ({name[:_SHOWN]})]"


def _contents(part: types.TextResourceContents | types.BlobResourceContents) -> str:
    if isinstance(part, types.TextResourceContents):
        return part.text
    return _note(f"resource {part.uri[:_SHOWN]}", part.mime_type or "of unknown type", part.blob)


def _note(what: str, kind: str, base64: str) -> str:
    """Return one line in place of data that is no text."""
    size = len(base64.rstrip("=")) * 3 // 4
    return f"[{what} {kind[:_SHOWN]}, {size:,} bytes]"
