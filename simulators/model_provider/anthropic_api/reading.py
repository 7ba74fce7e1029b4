"""Reading a request to the Messages API."""

import json

from domain.model_pool import Dialect
from simulators.model_provider import tokens
from simulators.model_provider.anthropic_api.chat_words import CountWords, MessageWords
from simulators.model_provider.anthropic_api.messages import Messages, read_blocks, read_messages, text_of
from simulators.model_provider.chat import ChatCall, Kind, Tool, Toolbox
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
from simulators.model_provider.json_value import JsonObject, as_object

_LEAST_THINKING = 1024
_REQUEST = frozenset(
    {
        "max_tokens", "messages", "prefill", "model", "cache_control", "container", "diagnostics", "inference_geo",
        "metadata", "output_config", "service_tier", "speed", "stop_sequences", "stream", "system", "temperature",
        "thinking", "tool_choice", "tools", "top_k", "top_p",
    }
)  # fmt: skip


def read_message_request(incoming: Incoming, key: str) -> Asked:
    """Read a request for a message; raises ApiError for one that is not of the form the API wants."""
    data = read_body(incoming.body)
    call = _read_call(data, incoming, key, Kind.CHAT)
    if call.max_tokens is None:
        raise ApiError(400, "max_tokens: Field required")
    thinking = as_object(data.get("thinking")) or {}
    words = MessageWords(call.model, shows_thinking=thinking.get("display") != "omitted")
    return Asked(call, words.whole, words.streamed)


def read_count_request(incoming: Incoming, key: str) -> Asked:
    """Read a request for a count of tokens; raises ApiError for one that is not of the form the API wants."""
    return Asked(_read_call(read_body(incoming.body), incoming, key, Kind.COUNT), CountWords().whole)


def _read_call(data: JsonObject, incoming: Incoming, key: str, kind: Kind) -> ChatCall:
    unknown = next((name for name in data if name not in _REQUEST), None)
    if unknown is not None:
        raise ApiError(400, f"{unknown}: Extra inputs are not permitted")
    model = read_model(data)
    messages = read_messages(data.get("messages"))
    system = text_of(read_blocks(data.get("system") or "", "system"))
    text = next((content for role, content in reversed(messages.texts) if role == "user"), "")
    document, document_error = read_document(text)
    schema = _read_schema(data)
    max_tokens = read_count(data, "max_tokens")
    toolbox, tool_tokens = _read_toolbox(data, messages)
    _check_temperature(data)
    counted = [content for _, content in messages.texts]
    return ChatCall(
        dialect=Dialect.ANTHROPIC,
        kind=kind,
        key=key,
        model=model,
        text=text,
        system=system,
        stream=read_bool(data, "stream"),
        max_tokens=max_tokens,
        format="text" if schema is None else "json_schema",
        schema=schema,
        prompt_tokens=tokens.count_prompt([system, *counted]) + messages.attached_tokens + tool_tokens,
        idempotency_key=incoming.header(b"idempotency-key"),
        document=document,
        document_error=document_error,
        toolbox=toolbox,
        stop=read_stops(data.get("stop_sequences"), "stop_sequences"),
        reasons=_read_thinking(data, max_tokens, toolbox),
        caches=b'"cache_control"' in incoming.body,
    )


def _check_temperature(data: JsonObject) -> None:
    temperature = data.get("temperature")
    if temperature is not None and not (isinstance(temperature, int | float) and 0 <= temperature <= 1):
        raise ApiError(400, "temperature: Input should be a number from 0 to 1")


def _read_schema(data: JsonObject) -> JsonObject | None:
    wanted = (as_object(data.get("output_config")) or {}).get("format")
    if wanted is None:
        return None
    form = read_object(wanted, "output_config.format")
    if form.get("type") != "json_schema":
        raise ApiError(400, "output_config.format.type: Input should be 'json_schema'")
    return read_object(form.get("schema"), "output_config.format.schema")


def _read_thinking(data: JsonObject, max_tokens: int | None, toolbox: Toolbox | None) -> bool:
    """Return whether the model is asked to think."""
    thinking = as_object(data.get("thinking")) or {}
    kind = thinking.get("type", "disabled")
    if kind not in ("enabled", "adaptive", "between_tools", "disabled"):
        raise ApiError(400, f"thinking.type: {kind!r} does not match any of the expected tags")
    if kind == "enabled":
        budget = read_count(thinking, "budget_tokens") or 0
        if budget < _LEAST_THINKING or (max_tokens is not None and budget >= max_tokens):
            raise ApiError(400, f"thinking.budget_tokens: must be at least {_LEAST_THINKING} and less than max_tokens")
    thinks = kind in ("enabled", "adaptive")
    if thinks and toolbox is not None and (toolbox.forced or toolbox.only):
        raise ApiError(400, "Thinking may not be enabled when tool_choice forces tool use.")
    return thinks


def _read_toolbox(data: JsonObject, messages: Messages) -> tuple[Toolbox | None, int]:
    """Return the tools and their tokens."""
    raw = read_objects(data.get("tools"), "tools")
    if not raw and not messages.results:
        return None, 0
    tools = tuple(
        Tool(read_text(tool.get("name"), f"tools.{index}.name"), as_object(tool.get("input_schema")) or {})
        for index, tool in enumerate(raw)
    )
    choice = as_object(data.get("tool_choice")) or {}
    kind = choice.get("type", "auto")
    if kind not in ("auto", "any", "tool", "none"):
        raise ApiError(400, f"tool_choice.type: {kind!r} does not match any of the expected tags")
    only = str(choice.get("name")) if kind == "tool" else None
    if only is not None and only not in [tool.name for tool in tools]:
        raise ApiError(400, f"Tool '{only}' not found in provided tools")
    toolbox = Toolbox(
        tools=tools,
        forced=kind == "any",
        only=only,
        barred=kind == "none",
        parallel=choice.get("disable_parallel_tool_use") is not True,
        results=tuple(messages.results),
    )
    return toolbox, tokens.count(json.dumps(raw)) if raw else 0
