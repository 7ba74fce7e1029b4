"""Reading a request to generate content, or to count its tokens."""

import json
from urllib.parse import parse_qs

from domain.model_pool import Dialect
from simulators.model_provider import tokens
from simulators.model_provider.chat import ChatCall, Kind, reasons_by_name
from simulators.model_provider.dialect import Asked, Incoming
from simulators.model_provider.documents import read_document
from simulators.model_provider.fields import read_body, read_count, read_object, read_stops
from simulators.model_provider.gemini_api.chat_words import ContentWords, CountWords
from simulators.model_provider.gemini_api.contents import read_contents, read_parts, text_of
from simulators.model_provider.gemini_api.functions import read_toolbox
from simulators.model_provider.gemini_api.spelling import camel, plain_schema, refuse_unknown
from simulators.model_provider.json_value import JsonObject, as_object

_REQUEST = frozenset(
    {
        "contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent",
        "labels", "model", "store", "serviceTier",
    }
)  # fmt: skip
_CONFIG = frozenset(
    {
        "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities",
        "candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "seed", "presencePenalty",
        "frequencyPenalty", "responseLogprobs", "logprobs", "enableEnhancedCivicAnswers", "speechConfig",
        "thinkingConfig", "imageConfig", "mediaResolution", "audioTranscriptionConfig",
    }
)  # fmt: skip


def read_generation(incoming: Incoming, key: str) -> Asked:
    """Read a request for an answer in one piece; raises ApiError for one that is not of the form the API wants."""
    return _read(incoming, key, stream=False)


def read_stream(incoming: Incoming, key: str) -> Asked:
    """Read a request for a streamed answer: events with `alt=sse`, else an array that grows."""
    return _read(incoming, key, stream=True)


def read_count_request(incoming: Incoming, key: str) -> Asked:
    """Read a request for a count of tokens, of contents or of a whole request."""
    data = camel(read_body(incoming.body))
    inner = as_object(data.get("generateContentRequest"))
    call = _read_call(data if inner is None else camel(inner), incoming, key, Kind.COUNT)
    return Asked(call, CountWords().whole)


def _read(incoming: Incoming, key: str, *, stream: bool) -> Asked:
    data = camel(read_body(incoming.body))
    refuse_unknown(data, _REQUEST, "")
    call = _read_call(data, incoming, key, Kind.CHAT, stream=stream)
    thinking = camel(as_object(_config(data).get("thinkingConfig")) or {})
    words = ContentWords(
        model=call.model,
        shows_thoughts=thinking.get("includeThoughts") is True,
        events=parse_qs(incoming.query).get("alt") == ["sse"],
    )
    return Asked(call, words.whole, words.streamed)


def _config(data: JsonObject) -> JsonObject:
    config = camel(read_object(data.get("generationConfig") or {}, "generation_config"))
    refuse_unknown(config, _CONFIG, "generation_config")
    return config


def _read_call(data: JsonObject, incoming: Incoming, key: str, kind: Kind, *, stream: bool = False) -> ChatCall:
    model = incoming.path["model"]
    contents = read_contents(data.get("contents"))
    config = _config(data)
    instruction = as_object(data.get("systemInstruction"))
    system = "" if instruction is None else text_of(read_parts(instruction, "system_instruction"))
    # A turn of function responses has no text of its own.
    text = next((content for role, content in reversed(contents.texts) if role == "user" and content), "")
    document, document_error = read_document(text)
    form, schema = _read_format(config)
    counted = [content for _, content in contents.texts]
    tool_tokens = tokens.count(json.dumps(data["tools"])) if data.get("tools") else 0
    return ChatCall(
        dialect=Dialect.GEMINI,
        kind=kind,
        key=key,
        model=model,
        text=text,
        system=system,
        stream=stream,
        max_tokens=read_count(config, "maxOutputTokens"),
        format=form,
        schema=schema,
        prompt_tokens=tokens.count_prompt([system, *counted]) + contents.attached_tokens + tool_tokens,
        idempotency_key=incoming.header(b"idempotency-key"),
        document=document,
        document_error=document_error,
        toolbox=read_toolbox(data, contents.results),
        stop=read_stops(config.get("stopSequences"), "stop_sequences"),
        reasons=_thinks(model, config),
    )


def _read_format(config: JsonObject) -> tuple[str, JsonObject | None]:
    if config.get("responseMimeType") != "application/json":
        return "text", None
    if "responseJsonSchema" in config:
        return "json_schema", read_object(config["responseJsonSchema"], "response_json_schema")
    if "responseSchema" in config:
        return "json_schema", as_object(plain_schema(read_object(config["responseSchema"], "response_schema")))
    return "json_object", None


def _thinks(model: str, config: JsonObject) -> bool:
    thinking = camel(as_object(config.get("thinkingConfig")) or {})
    if thinking.get("thinkingBudget") == 0:
        return False
    return bool(thinking) or reasons_by_name(model)
