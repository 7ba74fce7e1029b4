"""What a model says in each API's own words: the events of a stream, right as the documentation has them."""

from typing import Any

from domain.model_pool import Dialect

Event = dict[str, Any] | bytes

USAGE: dict[Dialect, dict[str, Any]] = {
    Dialect.OPENAI: {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    Dialect.ANTHROPIC: {"input_tokens": 9, "output_tokens": 3},
    Dialect.GEMINI: {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12},
}
"""Nine tokens in, three out."""


def opening(dialect: Dialect, text: str = "Hello") -> list[Event]:
    """Return the events of an answer that has begun."""
    match dialect:
        case Dialect.OPENAI:
            return [openai_piece({"role": "assistant", "content": text})]
        case Dialect.ANTHROPIC:
            return [
                {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "ping"},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            ]
        case Dialect.GEMINI:
            return [gemini_piece({"text": text})]


def ending(dialect: Dialect, usage: Any = None) -> list[Event]:
    """Return the events that end it, with its usage."""
    usage = USAGE[dialect] if usage is None else usage
    match dialect:
        case Dialect.OPENAI:
            return [openai_piece({}, "stop"), {"choices": [], "usage": usage}, b"[DONE]"]
        case Dialect.ANTHROPIC:
            return [
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
                {"type": "message_stop"},
            ]
        case Dialect.GEMINI:
            return [{"candidates": [{"index": 0, "finishReason": "STOP"}], "usageMetadata": usage}]


def hello(dialect: Dialect, usage: Any = None) -> list[Event]:
    """Return a whole answer."""
    return [*opening(dialect), *ending(dialect, usage)]


def openai_piece(delta: dict[str, Any], finish_reason: str | None = None, *, index: int = 0) -> dict[str, Any]:
    """Return a chunk as the OpenAI API sends it."""
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def gemini_piece(*parts: dict[str, Any], **candidate: Any) -> dict[str, Any]:
    """Return a response as the Gemini API sends it."""
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"index": 0, "content": content, **candidate}], "modelVersion": "m", "responseId": "1"}


def error(dialect: Dialect, status: int, code: str) -> dict[str, Any]:
    """Return an error's body."""
    match dialect:
        case Dialect.OPENAI:
            return {"error": {"message": "private", "type": code, "code": code}}
        case Dialect.ANTHROPIC:
            return {"type": "error", "error": {"type": code, "message": "private"}}
        case Dialect.GEMINI:
            return {"error": {"code": status, "message": "private", "status": code}}
