"""From a body of Anthropic's Messages API to the OpenAI API's form, without loss of what either can say.

What only Anthropic's API can say is kept where an adapter to it finds it: fields of the body under `anthropic`, fields
of a block beside the part that stands for it (`cache_control`, `citations`), thinking as the message's
`thinking_blocks`, blocks without a counterpart as parts just as they came.
"""

from collections.abc import Sequence
from typing import Any

from api.gateway.chat_body import MAX_MESSAGES
from api.gateway.fields import Fields, Json
from api.gateway.messages.tools import choice_fields, tool
from api.gateway.messages.turns import content_of_texts, turn

_SAME = ("model", "temperature", "top_p", "longhaul")
"""Fields that mean the same in both APIs, or to us."""
_KNOWN = (
    *_SAME,
    "max_tokens",
    "messages",
    "metadata",
    "output_config",
    "stop_sequences",
    "stream",
    "system",
    "tool_choice",
    "tools",
)


def chat_body(body: object, betas: Sequence[str] = ()) -> dict[str, Any]:
    """Return the body of `POST /v1/chat/completions` that asks the same. `betas`: of the header anthropic-beta.

    Raises:
        BadField: A field has the wrong type or value, or a required one is missing.
    """
    asked = Fields.of(body)
    asked.text("model")
    asked.required("max_tokens")
    chat = {key: asked.values[key] for key in _SAME if asked.has(key)}
    chat["max_completion_tokens"] = asked.count("max_tokens", at_least=1)
    chat["stream"] = asked.flag("stream") or False
    return {**chat, **counted_body(asked), **_limits(asked), **_native(asked, betas)}


def counted_body(asked: Fields) -> dict[str, Any]:
    """Return what the model reads, for counting its tokens: messages, tools, the answer's form.

    Raises:
        BadField: As `chat_body`, of these fields.
    """
    messages = _system(asked)
    turns = asked.objects("messages")
    if not 1 <= len(turns) <= MAX_MESSAGES:
        raise asked.bad("messages", f"must have 1 to {MAX_MESSAGES} messages")
    for one in turns:
        messages += turn(one)
    tools = [tool(one) for one in asked.objects("tools")]
    said = {"messages": messages, **({"tools": tools} if tools else {}), **choice_fields(asked.member("tool_choice"))}
    output = asked.member("output_config")
    return {**said, **(_answer_format(output) if output else {})}


def _system(asked: Fields) -> list[dict[str, Any]]:
    if not asked.has("system"):
        return []
    return [{"role": "system", "content": content_of_texts(asked, "system")}]


def _answer_format(output: Fields) -> Json:
    """Return the form of the answer, and the effort, which both APIs can say."""
    said: dict[str, Any] = {}
    if output.has("effort"):
        said["reasoning_effort"] = output.text("effort")
    form = output.member("format")
    if form is not None:
        form.choice("type", "json_schema")
        schema = Fields.of(form.required("schema"), form.at("schema")).values
        said["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    return said


def _limits(asked: Fields) -> Json:
    asked.number("temperature")
    asked.number("top_p")
    stops = asked.texts("stop_sequences")
    metadata = asked.member("metadata") or Fields()
    user = metadata.maybe_text("user_id")
    return {**({"stop": stops} if stops else {}), **({"user": user} if user is not None else {})}


def _native(asked: Fields, betas: Sequence[str]) -> Json:
    """Return what only Anthropic's API knows, as the field `anthropic`."""
    native = asked.rest(*_KNOWN)
    output = (asked.member("output_config") or Fields()).rest("format")
    metadata = (asked.member("metadata") or Fields()).rest("user_id")
    for name, value in (("output_config", output), ("metadata", metadata), ("betas", list(betas))):
        if value:
            native[name] = value
    return {"anthropic": native} if native else {}
