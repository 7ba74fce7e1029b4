"""What the model says to a call: by the rules, or as a scripted fault wants it."""

import json
from dataclasses import dataclass
from typing import NamedTuple

from simulators.model_provider import tokens
from simulators.model_provider.chat import ChatCall, Kind
from simulators.model_provider.faults import Fault, Refusal
from simulators.model_provider.prefix_cache import Cached
from simulators.model_provider.presets import OVERSIZED, PRESETS, REFUSAL
from simulators.model_provider.rules.answers import answer_document, answer_text
from simulators.model_provider.rules.words import short
from simulators.model_provider.schemas import fit, minimal
from simulators.model_provider.tool_calls import ToolCall, quote_results, tool_calls
from simulators.model_provider.usage import Spoilt, Usage

_NO_FAULT = Fault()
_QUOTED = 120


class Reply(NamedTuple):
    """One answer.

    Attributes:
        text: None when it is refused.
        finish: Why it ended, in OpenAI's words or a fault's own.
        usage: What it really used; `spoilt` says how that is told.
        reasoning: What was thought before; empty for nothing.
        stopped_by: The caller's own text at which it was ended.
        blocked: The prompt was refused by a filter.
    """

    text: str | None
    refusal: str | None
    finish: str
    usage: Usage
    spoilt: Spoilt = None
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    stopped_by: str | None = None
    blocked: bool = False

    @property
    def said(self) -> str:
        """The text or the refusal."""
        return (self.text if self.refusal is None else self.refusal) or ""


def reply_to(call: ChatCall, fault: Fault | None, cached: Cached, fixed_text: str | None) -> Reply:
    """Return the answer to a call. `fixed_text`: what is said in place of what the rules say."""
    fault = fault or _NO_FAULT
    if call.kind not in (Kind.CHAT, Kind.COMPLETION):
        return Reply("", None, "stop", Usage(call.prompt_tokens, 0), fault.wrong_usage)
    if fault.blocked:
        return Reply("", None, "content_filter", Usage(call.prompt_tokens, 0), fault.wrong_usage, blocked=True)
    refusal = _refusal(call, fault)
    reasoning = _reasoning(call, fault)
    if refusal is not None:
        return _Draft(call, fault, reasoning, ()).finished(refusal.text, refusal.finish_reason, cached, refused=True)
    calls = tool_calls(call, fault.tool_call) if call.toolbox is not None or fault.tool_call is not None else ()
    draft = _Draft(call, fault, reasoning, calls)
    if calls:
        return draft.finished(fault.answer or "", "tool_calls", cached)
    return draft.finished(_text(call, fault, fixed_text), "stop", cached)


@dataclass(frozen=True, slots=True)
class _Draft:
    """An answer before it is cut to what the caller allows, and billed."""

    call: ChatCall
    fault: Fault
    reasoning: str
    calls: tuple[ToolCall, ...]

    def finished(self, text: str, finish: str, cached: Cached, *, refused: bool = False) -> Reply:
        text, stopped_by = _until_stop(text, self.call.stop)
        reasoning, thought, spoken = self.reasoning, tokens.count(self.reasoning), tokens.count(text)
        if self._is_over(thought + spoken) and self.call.max_tokens is not None:
            reasoning = tokens.cut(reasoning, self.call.max_tokens)
            thought = tokens.count(reasoning)
            text, stopped_by, finish = tokens.cut(text, self.call.max_tokens - thought), None, "length"
            spoken = tokens.count(text)
        spoken += sum(tokens.count(call.name + call.arguments) for call in self.calls)
        return Reply(
            None if refused else text,
            text if refused else None,
            self.fault.finish_reason or finish,
            Usage(self.call.prompt_tokens, thought + spoken, cached.read, cached.written, thought),
            self.fault.wrong_usage,
            reasoning,
            self.calls,
            stopped_by,
        )

    def _is_over(self, amount: int) -> bool:
        """Return whether an answer must be cut. The huge ones stand for a server that ignores the caller's bound."""
        ignores = self.fault.repeat_bytes is not None or self.fault.preset == OVERSIZED
        return not ignores and self.call.max_tokens is not None and amount > self.call.max_tokens


def _until_stop(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    """Return the text before the first of the caller's stop texts, and which that is."""
    found = [(text.find(stop), stop) for stop in stops if stop in text]
    if not found:
        return text, None
    place, stop = min(found)
    return text[:place], stop


def _reasoning(call: ChatCall, fault: Fault) -> str:
    if isinstance(fault.reasoning, str):
        return fault.reasoning
    if not call.reasons and not fault.reasoning:
        return ""
    return f"The message is: {short(call.text, _QUOTED)} I look for what it asks, then I do that."


def _refusal(call: ChatCall, fault: Fault) -> Refusal | None:
    if fault.preset == REFUSAL and call.document is not None:
        return Refusal()
    if isinstance(fault.refusal, Refusal):
        return fault.refusal
    return Refusal() if fault.refusal else None


def _text(call: ChatCall, fault: Fault, fixed_text: str | None) -> str:
    text = None if fault is _NO_FAULT else _scripted_text(call, fault)
    text = fixed_text if text is None else text
    return _right_text(call) if text is None else text


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
    results = call.toolbox.results if call.toolbox is not None else ()
    text = quote_results(results) if results else answer_text(call.text)
    return text if call.format == "text" else json.dumps({"answer": text}, ensure_ascii=False)
