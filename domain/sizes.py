"""How large a call is before it is made: an upper estimate of its tokens, without any model's tokenizer.

A text counts one token for 3 bytes of UTF-8. Images are counted flat, as the providers bill about that at most for one
of usual size; files by the bytes that their base64 stands for, at 3 bytes a token, up to `FILE_TOKENS`.
"""

from collections.abc import Mapping
from typing import Any, cast

from domain.budget import estimate_tokens

FRAME_TOKENS = 64
"""What servers add round a chat's messages: roles, separators, a template."""
IMAGE_TOKENS = 1600
FILE_TOKENS = 60_000
COMPLETION_TOKENS = 16
"""What a completion has at most whose caller sets no bound."""
_MESSAGE_TOKENS = 8
_DEPTH = 32


def input_tokens(body: Mapping[str, Any]) -> int:
    """Return an upper estimate of the input tokens of a chat's body in the OpenAI API's form."""
    messages = body.get("messages")
    told = [message_tokens(message) for message in cast("list[object]", messages)] if isinstance(messages, list) else []
    rest = sum(_of_value(body[key], _DEPTH) for key in ("tools", "functions", "response_format") if key in body)
    return sum(told) + rest


def message_tokens(message: object) -> int:
    """Return an upper estimate of one message's tokens."""
    return _MESSAGE_TOKENS + _of_value(message, _DEPTH)


def _of_value(value: object, depth: int) -> int:
    if isinstance(value, str):
        return estimate_tokens(value) - 8
    if isinstance(value, list):
        return sum(_of_value(item, depth - 1) for item in cast("list[object]", value)) if depth else 0
    if isinstance(value, dict):
        return _of_object(cast("dict[str, Any]", value), depth)
    return 1


def _of_object(value: dict[str, Any], depth: int) -> int:
    kind = value.get("type")
    if kind in ("image_url", "input_image", "image"):
        return IMAGE_TOKENS
    if kind in ("file", "input_file", "input_audio", "document"):
        return min(_of_fields(value, depth), FILE_TOKENS)
    return _of_fields(value, depth)


def _of_fields(value: dict[str, Any], depth: int) -> int:
    if not depth:
        return 0
    return sum(len(key) // 3 + 1 + _of_value(item, depth - 1) for key, item in value.items())


def plain_input_tokens(body: Mapping[str, Any]) -> int:
    """Return an upper estimate of the input tokens of embeddings or of a completion. A list of numbers is tokens."""
    given = body.get("input", body.get("prompt"))
    return _plain(given) + _MESSAGE_TOKENS


def choices(body: Mapping[str, Any]) -> int:
    """Return how many answers a chat asks for."""
    return _count(body.get("n"), 1)


def plain_output_tokens(body: Mapping[str, Any]) -> int:
    """Return how many tokens embeddings (none) or a completion may give, as the OpenAI API bounds them."""
    if "input" in body:
        return 0
    answers = max(_count(body.get("n"), 1), _count(body.get("best_of"), 1))
    return _count(body.get("max_tokens"), COMPLETION_TOKENS) * answers * _prompts(body.get("prompt"))


def _prompts(given: object) -> int:
    """Return how many prompts a completion has: a list of numbers is the tokens of one."""
    prompts = cast("list[object]", given) if isinstance(given, list) else []
    return 1 if not prompts or isinstance(prompts[0], int) else len(prompts)


def _count(value: object, usual: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else usual


def _plain(given: object) -> int:
    if isinstance(given, list):
        return sum(_plain(item) for item in cast("list[object]", given))
    return estimate_tokens(given) if isinstance(given, str) else 1
