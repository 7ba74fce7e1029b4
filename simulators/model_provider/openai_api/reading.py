"""Reading a chat-completions request. Written by hand, not by a validator: a benchmark runs through here."""

import json

from domain.model_pool import Dialect
from simulators.model_provider import tokens
from simulators.model_provider.chat import ChatCall, Kind, Tool, Toolbox, reasons_by_name
from simulators.model_provider.dialect import Asked, Incoming
from simulators.model_provider.documents import read_document
from simulators.model_provider.errors import ApiError
from simulators.model_provider.fields import (
    read_body,
    read_bool,
    read_count,
    read_model,
    read_object,
    read_objects,
    read_stops,
    read_text,
)
from simulators.model_provider.json_value import Json, JsonObject, as_object
from simulators.model_provider.openai_api.chat_words import ChatWords
from simulators.model_provider.openai_api.messages import Messages, read_messages


def read_chat(incoming: Incoming, key: str) -> Asked:
    """Read a request.

    Raises:
        ApiError: 400; it is not JSON, or a field this server needs is missing or has the wrong type.
    """
    data = read_body(incoming.body)
    model = read_model(data)
    messages = read_messages(data.get("messages"))
    text = next((content for role, content in reversed(messages.texts) if role == "user"), "")
    document, document_error = read_document(text)
    form, schema = _read_format(data.get("response_format"))
    toolbox, tool_tokens = _read_toolbox(data, messages)
    call = ChatCall(
        dialect=Dialect.OPENAI,
        kind=Kind.CHAT,
        key=key,
        model=model,
        text=text,
        system="\n".join(content for role, content in messages.texts if role in ("system", "developer")),
        stream=read_bool(data, "stream"),
        max_tokens=read_count(data, "max_completion_tokens") or read_count(data, "max_tokens"),
        format=form,
        schema=schema,
        prompt_tokens=tokens.count_prompt(content for _, content in messages.texts)
        + messages.attached_tokens
        + tool_tokens,
        idempotency_key=incoming.header(b"idempotency-key"),
        document=document,
        document_error=document_error,
        toolbox=toolbox,
        stop=read_stops(data.get("stop"), "stop"),
        reasons=reasons_by_name(model),
    )
    words = ChatWords(model, include_usage=read_include_usage(data.get("stream_options")))
    return Asked(call, words.whole, words.streamed)


def read_include_usage(raw: Json) -> bool:
    """Return whether a stream is to end with the usage; raise ApiError for options that are no object."""
    return raw is not None and bool(read_object(raw, "stream_options").get("include_usage"))


def _read_toolbox(data: JsonObject, messages: Messages) -> tuple[Toolbox | None, int]:
    """Return the tools and their tokens."""
    raw = read_objects(data.get("tools"), "tools")
    if not raw and not messages.results:
        return None, 0
    tools = tuple(_read_tool(item, f"tools[{index}]") for index, item in enumerate(raw))
    choice = data.get("tool_choice")
    only = _read_only(choice, tools)
    toolbox = Toolbox(
        tools=tools,
        forced=choice == "required",
        only=only,
        barred=choice == "none",
        parallel=data.get("parallel_tool_calls") is not False,
        results=tuple(messages.results),
    )
    return toolbox, tokens.count(json.dumps(raw)) if raw else 0


def _read_tool(tool: JsonObject, where: str) -> Tool:
    function = read_object(tool.get("function"), f"{where}.function")
    name = read_text(function.get("name"), f"{where}.function.name")
    return Tool(name, as_object(function.get("parameters")) or {})


def _read_only(choice: Json, tools: tuple[Tool, ...]) -> str | None:
    """Return the name of the function that must be called; raise ApiError for a choice that there is not."""
    if choice in (None, "auto", "none", "required"):
        return None
    name = (as_object((as_object(choice) or {}).get("function")) or {}).get("name")
    if name not in [tool.name for tool in tools]:
        raise ApiError(400, f"tool choice {name!r} not found in 'tools'", "tool_choice", "invalid_value")
    return str(name)


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
