"""A chat's request as Gemini's API takes it, and what to leave out when a model refuses a part of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from domain.json_fields import object_of, text_of
from services.llm.adapters.concessions import Concession
from services.llm.adapters.conversation import refuse_functions
from services.llm.adapters.gemini_api.contents import contents
from services.llm.adapters.gemini_api.tools import tool_fields
from services.llm.adapters.instructions import for_schema
from services.llm.adapters.strict_json import write_json
from services.llm.chat import ChatRequest


class Thinking(StrEnum):
    """How a model is told to think so much: by level (Gemini 3 and later), or by tokens (2.5)."""

    LEVEL = "level"
    BUDGET = "budget"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model takes.

    `schema`: of the answer's JSON, for tasks of our own; `signed`: every call in the history has a signature.
    """

    thinking: Thinking = Thinking.LEVEL
    schema: bool = True
    signed: bool = False


_LESS = {Thinking.LEVEL: Thinking.BUDGET, Thinking.BUDGET: Thinking.UNTOLD}
_LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH", "max": "HIGH"}
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
"""Tokens for each effort (Gemini API, "OpenAI compatibility")."""
_CONFIG = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_NATIVE = ("safetySettings", "cachedContent", "labels")
"""Gemini's own fields, relayed from the body as they are; any other stands under `gemini`."""


def body(request: ChatRequest, terms: Terms) -> bytes:
    """Return the JSON body of a streamed `generateContent`.

    Raises:
        ModelRejected: The request cannot be said in this API.
    """
    asked = request.body
    refuse_functions(asked, "Gemini's API")
    system, told = contents(asked, sign=terms.signed)
    if request.json_schema is not None and not terms.schema:
        system.append({"text": for_schema(request.json_schema)})
    data: dict[str, Any] = {"contents": told}
    if system:
        data["systemInstruction"] = {"parts": system}
    own = object_of(asked.get("gemini"))
    config = _config(request, terms) | object_of(own.get("generationConfig"))
    if request.max_output_tokens is not None:
        config["maxOutputTokens"] = request.max_output_tokens
    data |= tool_fields(asked)
    data |= {name: asked[name] for name in _NATIVE if name in asked}
    data |= {name: value for name, value in own.items() if name not in ("contents", "generationConfig")}
    return write_json(data | ({"generationConfig": config} if config else {}))


def milder(request: ChatRequest, terms: Terms, complaint: bytes) -> Concession[Terms] | None:
    """Return the terms to try after a refusal, None when it is about something else."""
    said = complaint.decode(errors="replace").lower().replace("_", "").replace(" ", "")
    if not terms.signed and "thoughtsignature" in said:
        return Concession(replace(terms, signed=True), lasting=False)
    if "reasoning_effort" in request.body and terms.thinking in _LESS and "thinking" in said:
        return Concession(replace(terms, thinking=_LESS[terms.thinking]))
    if request.json_schema is not None and terms.schema and "schema" in said:
        return Concession(replace(terms, schema=False))
    return None


def _config(request: ChatRequest, terms: Terms) -> dict[str, Any]:
    asked = request.body
    config = {theirs: asked[ours] for ours, theirs in _CONFIG.items() if asked.get(ours) is not None}
    stop = asked.get("stop")
    if stop:
        config["stopSequences"] = [stop] if isinstance(stop, str) else stop
    thinking = _thinking(text_of(asked.get("reasoning_effort")), terms.thinking)
    if thinking:
        config["thinkingConfig"] = thinking
    return config | _answer_form(request, terms)


def _answer_form(request: ChatRequest, terms: Terms) -> dict[str, Any]:
    if request.json_schema is not None:
        schema: Mapping[str, Any] | None = request.json_schema.schema if terms.schema else None
    else:
        asked = object_of(request.body.get("response_format"))
        if asked.get("type") not in ("json_object", "json_schema"):
            return {}
        schema = object_of(asked.get("json_schema")).get("schema")
    form: dict[str, Any] = {"responseMimeType": "application/json"}
    return form | ({"responseJsonSchema": schema} if schema is not None else {})


def _thinking(effort: str, how: Thinking) -> dict[str, Any]:
    if how is Thinking.UNTOLD or not effort:
        return {}
    if effort == "none":
        return {"thinkingBudget": 0}
    if effort not in _LEVELS:
        return {}
    told = {"thinkingLevel": _LEVELS[effort]} if how is Thinking.LEVEL else {"thinkingBudget": _BUDGETS[effort]}
    return {**told, "includeThoughts": True}
