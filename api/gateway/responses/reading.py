"""From a body of OpenAI's Responses API to a chat that asks the same. What a chat cannot say is refused, never dropped.

Nothing is stored: each call brings its whole conversation.
"""

from typing import Any

from api.gateway.fields import Fields
from api.gateway.responses.items import messages_of
from api.gateway.responses.tools import choice, tool

_TEXTS = ("model", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "user")
_NUMBERS = ("temperature", "top_p")
_SAME = (*_TEXTS, *_NUMBERS, "parallel_tool_calls", "longhaul")
"""Fields that a chat has too, under the same name."""
_OTHERS = (
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "metadata",
    "reasoning",
    "store",
    "stream",
    "stream_options",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "truncation",
)
_STATEFUL = {
    "previous_response_id": "responses are not kept: send the whole conversation as `input`",
    "conversation": "conversations are not kept: send the whole conversation as `input`",
    "prompt": "prompts are not kept: send `instructions` and `input`",
    "background": "for a job, use POST /v1/chat/completions with `Prefer: respond-async`",
}

LOGPROBS = "message.output_text.logprobs"
THINKING = "reasoning.encrypted_content"
"""What `include` may ask for: thinking in a form that a later call can bring back."""


def chat_body(body: object) -> dict[str, Any]:
    """Return the body of `POST /v1/chat/completions` that asks the same.

    Raises:
        BadField: A field has the wrong type or value, is missing, or asks for what is not built.
    """
    asked = Fields.of(body)
    asked.text("model")
    _refuse_what_is_not_built(asked)
    chat = _same(asked)
    chat["messages"] = _instructions(asked) + messages_of(asked)
    chat["stream"] = asked.flag("stream") or False
    if asked.has("max_output_tokens"):
        chat["max_completion_tokens"] = asked.count("max_output_tokens", at_least=1)
    return {**chat, **_tools(asked), **_text(asked), **_reasoning(asked), **_logprobs(asked)}


def _same(asked: Fields) -> dict[str, Any]:
    for key in _TEXTS:
        asked.maybe_text(key)
    for key in _NUMBERS:
        asked.number(key)
    asked.flag("parallel_tool_calls")
    asked.member("metadata")  # is only given back
    return {key: asked.values[key] for key in _SAME if asked.has(key)}


def _refuse_what_is_not_built(asked: Fields) -> None:
    for key, instead in _STATEFUL.items():
        if asked.values.get(key):
            raise asked.bad(key, f"is not supported here; {instead}", "unsupported_parameter")
    if asked.flag("store"):
        raise asked.bad("store", "must be false: responses are not kept", "unsupported_value")
    asked.only(*_SAME, *_OTHERS, *_STATEFUL)
    if asked.has("truncation") and asked.text("truncation") != "disabled":
        raise asked.bad("truncation", "must be disabled: nothing is cut off a conversation", "unsupported_value")
    stream = asked.member("stream_options") or Fields()
    stream.only("include_obfuscation")
    if stream.flag("include_obfuscation"):
        raise stream.bad("include_obfuscation", "must be false", "unsupported_value")


def _instructions(asked: Fields) -> list[dict[str, Any]]:
    said = asked.maybe_text("instructions")
    return [] if said is None else [{"role": "system", "content": said}]


def _tools(asked: Fields) -> dict[str, Any]:
    tools = [tool(one) for one in asked.objects("tools")]
    chosen = choice(asked)
    return {**({"tools": tools} if tools else {}), **({} if chosen is None else {"tool_choice": chosen})}


def _text(asked: Fields) -> dict[str, Any]:
    """Return the answer's form."""
    text = asked.member("text")
    if text is None:
        return {}
    text.only("format", "verbosity")
    said = {"verbosity": text.text("verbosity")} if text.has("verbosity") else {}
    form = text.member("format")
    if form is None:
        return said
    kind = form.choice("type", "text", "json_object", "json_schema")
    if kind != "json_schema":
        return {**said, **({"response_format": {"type": kind}} if kind != "text" else {})}
    form.text("name")
    Fields.of(form.required("schema"), form.at("schema"))
    return {**said, "response_format": {"type": kind, "json_schema": form.rest("type")}}


def _reasoning(asked: Fields) -> dict[str, Any]:
    """Return the effort. A summary is not asked of the model: what it tells of its thinking is given as one."""
    reasoning = asked.member("reasoning")
    if reasoning is None:
        return {}
    reasoning.only("effort", "summary", "generate_summary")
    for key in ("summary", "generate_summary"):
        if reasoning.has(key):
            reasoning.choice(key, "auto", "concise", "detailed")
    return {"reasoning_effort": reasoning.text("effort")} if reasoning.has("effort") else {}


def _logprobs(asked: Fields) -> dict[str, Any]:
    wanted = asked.texts("include")
    for place, name in enumerate(wanted):
        if name not in (LOGPROBS, THINKING):
            raise asked.bad(f"include[{place}]", "is of a tool that is not supported here", "unsupported_value")
    top = asked.count("top_logprobs")
    if top is None and LOGPROBS not in wanted:
        return {}
    return {"logprobs": True, **({"top_logprobs": top} if top is not None else {})}
