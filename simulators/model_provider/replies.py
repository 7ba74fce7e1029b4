"""What the model says to a call: by the rules, or as a scripted fault wants it."""

import json
from dataclasses import dataclass
from typing import Any

from simulators.model_provider import tokens
from simulators.model_provider.chat import ChatCall
from simulators.model_provider.faults import Fault, Refusal
from simulators.model_provider.presets import OVERSIZED, PRESETS, REFUSAL
from simulators.model_provider.rules.answers import answer_document, answer_text
from simulators.model_provider.schemas import fit, minimal

Usage = dict[str, Any]
_HUGE = 10**12


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: the text, or None and a refusal. `usage` None: it is left out."""

    text: str | None
    refusal: str | None
    finish_reason: str
    usage: Usage | None


def reply_to(call: ChatCall, fault: Fault | None, cached_tokens: int) -> Reply:
    """Return the answer to a call."""
    refusal = _refusal(call, fault)
    text = "" if refusal else _text(call, fault)
    said = refusal.text if refusal else text
    finish: str = refusal.finish_reason if refusal else "stop"
    if _is_over(call, fault, said) and call.max_tokens is not None:
        said, finish = tokens.cut(said, call.max_tokens), "length"
    usage: Usage | None = _usage(call.prompt_tokens, cached_tokens, tokens.count(said))
    if fault is not None:
        usage = _billed(usage, fault)
        finish = fault.finish_reason or finish
    return Reply(None if refusal else said, said if refusal else None, finish, usage)


def _is_over(call: ChatCall, fault: Fault | None, said: str) -> bool:
    """Return whether an answer must be cut. The huge ones stand for a server that ignores the caller's bound."""
    ignores = fault is not None and (fault.repeat_bytes is not None or fault.preset == OVERSIZED)
    return not ignores and call.max_tokens is not None and tokens.count(said) > call.max_tokens


def _refusal(call: ChatCall, fault: Fault | None) -> Refusal | None:
    if fault is None:
        return None
    if fault.preset == REFUSAL and call.document is not None:
        return Refusal()
    if isinstance(fault.refusal, Refusal):
        return fault.refusal
    return Refusal() if fault.refusal else None


def _text(call: ChatCall, fault: Fault | None) -> str:
    if fault is not None:
        scripted = _scripted_text(call, fault)
        if scripted is not None:
            return scripted
    return _right_text(call)


def _scripted_text(call: ChatCall, fault: Fault) -> str | None:
    if fault.preset is not None and call.document is not None:
        return PRESETS[call.document.task][fault.preset](call.document)
    if fault.repeat_bytes is not None:
        return ("0123456789abcde " * (fault.repeat_bytes // 16 + 1))[: fault.repeat_bytes]
    if fault.answer_json is not None:
        return json.dumps(fault.answer_json)
    return "" if fault.empty else fault.answer


def _right_text(call: ChatCall) -> str:
    if call.document is None:
        return _foreign_text(call)
    answer = answer_document(call.document)
    if isinstance(answer, str):
        return answer
    return json.dumps(answer if call.schema is None else fit(answer, call.schema), ensure_ascii=False)


def _foreign_text(call: ChatCall) -> str:
    if call.schema is not None:
        return json.dumps(minimal(call.schema))
    text = answer_text(call.text)
    return text if call.format == "text" else json.dumps({"answer": text}, ensure_ascii=False)


def _usage(prompt: int, cached: int, completion: int) -> Usage:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _billed(usage: Usage | None, fault: Fault) -> Usage | None:
    match fault.wrong_usage:
        case None:
            return usage
        case "missing":
            return None
        case "negative":
            return _usage(-1, -1, -1)
        case "huge":
            return _usage(_HUGE, 0, _HUGE)
        case literal:
            return literal
