"""Reading a chat-completions request. Written by hand, not by a validator: a benchmark runs through here."""

import json
from dataclasses import dataclass
from hashlib import sha256

from simulators.model_provider import tokens
from simulators.model_provider.documents import Document, read_document
from simulators.model_provider.errors import ApiError
from simulators.model_provider.json_value import Json, JsonObject, as_list, as_object

_PARTS = ("text", "input_text")


@dataclass(frozen=True, slots=True)
class ChatCall:
    """One request, read.

    Attributes:
        text: The last user message.
        system: The system and developer messages.
        max_tokens: Bound on the answer's tokens, None for none.
        format: The response format asked for: text, json_object or json_schema.
        schema: The JSON schema of the answer, for json_schema.
        document: The product's document in the last user message, None for any other text.
        document_error: Why a message that names a task is no valid document.
    """

    model: str
    text: str
    system: str
    stream: bool
    include_usage: bool
    max_tokens: int | None
    format: str
    schema: JsonObject | None
    prompt_tokens: int
    idempotency_key: str | None
    document: Document | None
    document_error: str | None

    @property
    def task(self) -> str | None:
        """The document's task."""
        return self.document.task if self.document else None

    @property
    def step_id(self) -> str | None:
        """The step the document is about."""
        return getattr(self.document, "step_id", None)

    @property
    def prompt_sha256(self) -> str:
        """A digest of the last user message, to tell whether the same was asked twice."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def read_call(body: bytes, idempotency_key: str | None) -> ChatCall:
    """Read a request's body.

    Raises:
        ApiError: 400; it is not JSON, or a field this server needs is missing or has the wrong type.
    """
    data = _read_object(body)
    model = data.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError(400, "you must provide a model parameter", "model", "missing_required_parameter")
    texts = _read_messages(data.get("messages"))
    text = next((content for role, content in reversed(texts) if role == "user"), "")
    document, document_error = read_document(text)
    form, schema = _read_format(data.get("response_format"))
    return ChatCall(
        model=model,
        text=text,
        system="\n".join(content for role, content in texts if role in ("system", "developer")),
        stream=_read_bool(data, "stream"),
        include_usage=_read_include_usage(data.get("stream_options")),
        max_tokens=_read_max_tokens(data),
        format=form,
        schema=schema,
        prompt_tokens=tokens.count_prompt(content for _, content in texts),
        idempotency_key=idempotency_key,
        document=document,
        document_error=document_error,
    )


def _read_object(body: bytes) -> JsonObject:
    try:
        data = as_object(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "we could not parse the JSON body of your request", code="invalid_json") from error
    if data is None:
        raise ApiError(400, "the body must be a JSON object", code="invalid_type")
    return data


def _read_messages(raw: Json) -> list[tuple[str, str]]:
    messages = as_list(raw)
    if not messages:
        raise ApiError(400, "'messages' must be a non-empty array", "messages", "invalid_type")
    return [_read_message(item, index) for index, item in enumerate(messages)]


def _read_message(raw: Json, index: int) -> tuple[str, str]:
    where = f"messages[{index}]"
    message = as_object(raw)
    if message is None:
        raise ApiError(400, f"'{where}' must be an object", where, "invalid_type")
    role = message.get("role")
    if not isinstance(role, str):
        raise ApiError(400, f"'{where}.role' must be a string", f"{where}.role", "invalid_type")
    return role, _read_content(message.get("content"), f"{where}.content")


def _read_content(raw: Json, where: str) -> str:
    if isinstance(raw, str):
        return raw
    if raw is None:
        return ""
    items = as_list(raw)
    if items is None:
        raise ApiError(400, f"'{where}' must be a string or an array", where, "invalid_type")
    parts = [part for item in items if (part := as_object(item)) is not None]
    return "\n".join(str(part.get("text", "")) for part in parts if part.get("type") in _PARTS)


def _read_bool(data: JsonObject, field: str) -> bool:
    value = data.get(field)
    if value is not None and not isinstance(value, bool):
        raise ApiError(400, f"'{field}' must be a boolean", field, "invalid_type")
    return bool(value)


def _read_include_usage(raw: Json) -> bool:
    if raw is None:
        return False
    options = as_object(raw)
    if options is None:
        raise ApiError(400, "'stream_options' must be an object", "stream_options", "invalid_type")
    return bool(options.get("include_usage"))


def _read_max_tokens(data: JsonObject) -> int | None:
    field = "max_completion_tokens" if data.get("max_completion_tokens") is not None else "max_tokens"
    value = data.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ApiError(400, f"'{field}' must be a positive integer", field, "invalid_type")
    return value


def _read_format(raw: Json) -> tuple[str, JsonObject | None]:
    if raw is None:
        return "text", None
    wanted = as_object(raw) or {}
    kind = wanted.get("type")
    if kind == "json_schema":
        return "json_schema", _read_schema(as_object(wanted.get("json_schema")) or {})
    if kind not in ("text", "json_object"):
        message = "'response_format.type' must be text, json_object or json_schema"
        raise ApiError(400, message, "response_format", "invalid_value")
    return str(kind), None


def _read_schema(raw: JsonObject) -> JsonObject:
    schema = as_object(raw.get("schema"))
    if schema is None:
        where = "response_format.json_schema.schema"
        raise ApiError(400, f"'{where}' must be an object", where, "missing_required_parameter")
    return schema
