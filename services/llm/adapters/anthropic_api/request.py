"""A chat's request as Anthropic's API takes it, and what to leave out when a model refuses a part of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from domain.errors import ModelRejected
from domain.json_fields import object_of, text_of
from services.llm.adapters.anthropic_api.blocks import conversation
from services.llm.adapters.anthropic_api.tools import forced, tool_fields
from services.llm.adapters.concessions import Concession
from services.llm.adapters.conversation import refuse_functions
from services.llm.adapters.fields import texts_of
from services.llm.adapters.instructions import ANY_JSON
from services.llm.adapters.strict_json import write_json
from services.llm.chat import ChatRequest


class Thinking(StrEnum):
    """How a model is told to think so much: by effort (Claude 4.6 and later), or by tokens (until 4.6)."""

    EFFORT = "effort"
    BUDGET = "budget"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model takes. `schema`: of the answer's JSON; else the answer is a forced tool's input."""

    thinking: Thinking = Thinking.EFFORT
    schema: bool = True
    sampling: bool = True


_LESS = {Thinking.EFFORT: Thinking.BUDGET, Thinking.BUDGET: Thinking.UNTOLD}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_SHARES = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95, "max": 0.95}
"""How much of the bound on the answer thinking may take."""
_LEAST_THINKING = 1024

_NATIVE = (
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "mcp_servers",
    "output_config",
    "speed",
    "thinking",
)
"""Anthropic's own fields, relayed from the body as they are; any other stands under `anthropic`."""
_SAMPLING = ("temperature", "top_p", "top_k")
_OURS = frozenset({"model", "messages", "stream", "max_tokens", "betas"})
_ABOUT_THINKING = ("thinking", "effort", "adaptive", "output_config: extra")
_ABOUT_SCHEMA = ("output_config", "output_format", "schema", "structured output")


def body(request: ChatRequest, terms: Terms) -> bytes:
    """Return the JSON body of a streamed message.

    Raises:
        ModelRejected: The request cannot be said in this API.
    """
    asked = request.body
    refuse_functions(asked, "Anthropic's API")
    if (asked.get("n") or 1) != 1:
        raise ModelRejected("Anthropic's API gives one answer, not several")
    system, messages = conversation(asked)
    if object_of(asked.get("response_format")).get("type") == "json_object":
        system.append({"type": "text", "text": ANY_JSON})
    most = request.max_output_tokens or request.default_output_tokens
    data: dict[str, Any] = {"model": request.model, "max_tokens": most, "messages": messages, "stream": True}
    if system:
        data["system"] = system
    schema = answer_schema(request)
    data |= tool_fields(asked, None if terms.schema else schema)
    data |= {name: asked[name] for name in _NATIVE if name in asked}
    data |= {name: value for name, value in object_of(asked.get("anthropic")).items() if name not in _OURS}
    data |= _stops(asked) | _metadata(asked) | _told_to_think(request, terms, data)
    if schema is not None and terms.schema:
        format_ = {"format": {"type": "json_schema", "schema": schema}}
        data["output_config"] = object_of(data.get("output_config")) | format_
    if terms.sampling:
        data |= _sampling(asked, data)
    return write_json(data)


def betas(request: ChatRequest) -> str:
    """Return the header anthropic-beta: the API's trials that a caller of ours asked for by name, empty: none."""
    named = object_of(request.body.get("anthropic")).get("betas")
    return ",".join(map(text_of, cast("list[object]", named))) if isinstance(named, list) else ""


def answer_schema(request: ChatRequest) -> Mapping[str, Any] | None:
    """Return the JSON schema that the answer shall have, None: none was asked for."""
    if request.json_schema is not None:
        return request.json_schema.schema
    format_ = object_of(request.body.get("response_format"))
    if format_.get("type") != "json_schema":
        return None
    return object_of(object_of(format_.get("json_schema")).get("schema"))


def milder(request: ChatRequest, terms: Terms, complaint: bytes) -> Concession[Terms] | None:
    """Return the terms to try after a refusal, None when it is about something else."""
    said = complaint.decode(errors="replace").lower()
    wants_thought = "reasoning_effort" in request.body and terms.thinking in _LESS
    if wants_thought and any(word in said for word in _ABOUT_THINKING):
        return Concession(replace(terms, thinking=_LESS[terms.thinking]))
    if answer_schema(request) is not None and terms.schema and any(word in said for word in _ABOUT_SCHEMA):
        not_known = "extra inputs" in said or "not support" in said
        return Concession(replace(terms, schema=False), lasting=not_known)
    asked = [name for name in _SAMPLING if name in request.body]
    if terms.sampling and any(name in said for name in asked):
        return Concession(replace(terms, sampling=False))
    return None


def _told_to_think(request: ChatRequest, terms: Terms, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a `reasoning_effort` asks for, none where the caller has said it in Anthropic's own."""
    effort = text_of(request.body.get("reasoning_effort"))
    said = "thinking" in data or "effort" in object_of(data.get("output_config"))
    if not effort or said or terms.thinking is Thinking.UNTOLD:
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    if forced(data) or effort not in _EFFORTS:
        return {}
    if terms.thinking is Thinking.EFFORT:
        told = {"effort": _EFFORTS[effort]} | object_of(data.get("output_config"))
        return {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": told}
    most = int(data["max_tokens"])
    if most <= _LEAST_THINKING:
        return {}
    budget = min(max(int(most * _SHARES[effort]), _LEAST_THINKING), most - 1)
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _sampling(asked: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return temperature and the like: no model that thinks takes them."""
    if object_of(data.get("thinking")).get("type") in ("adaptive", "enabled"):
        return {}
    fields = {name: asked[name] for name in _SAMPLING if asked.get(name) is not None}
    temperature = fields.get("temperature")
    if isinstance(temperature, (int, float)):
        fields["temperature"] = min(temperature, 1)
    return fields


def _stops(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the texts that end an answer; the API takes none of white space only."""
    texts = [text for text in texts_of(asked.get("stop")) if text.strip()]
    return {"stop_sequences": texts} if texts else {}


def _metadata(asked: Mapping[str, Any]) -> dict[str, Any]:
    user = asked.get("safety_identifier") or asked.get("user") or object_of(asked.get("metadata")).get("user_id")
    return {"metadata": {"user_id": user}} if isinstance(user, str) else {}
