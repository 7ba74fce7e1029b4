"""What a chat must say before we take it on. All other fields are the provider's matter, relayed as they are."""

from typing import Any, Final, cast

from api.gateway.fields import BadField, Fields

MAX_MESSAGES: Final = 10_000
MAX_CHOICES: Final = 128


def check_chat(chat: Fields) -> None:
    """Check the fields that we act on: messages, bounds, tools, how the answer is to come.

    Raises:
        BadField: One has the wrong type or value, or a required one is missing.
    """
    _check_messages(chat)
    for bound in ("max_tokens", "max_completion_tokens"):
        chat.count(bound, at_least=1)
    if (chat.count("n", at_least=1) or 1) > MAX_CHOICES:
        raise chat.bad("n", f"must be at most {MAX_CHOICES}")
    for number in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        chat.number(number)
    chat.maybe_text("user")
    chat.member("response_format")
    chat.objects("tools")
    wants_usage(chat)


def wants_usage(chat: Fields) -> bool:
    """Return whether the stream is to end with a chunk of usage.

    Raises:
        BadField: `stream_options` has the wrong type.
    """
    options = chat.member("stream_options")
    return options is not None and bool(options.flag("include_usage"))


def _check_messages(chat: Fields) -> None:
    chat.required("messages")
    messages = chat.array("messages")
    if not 1 <= len(messages) <= MAX_MESSAGES:
        raise chat.bad("messages", f"must have 1 to {MAX_MESSAGES} messages")
    for place, message in enumerate(messages):
        _check_message(f"messages[{place}]", message)


def _check_message(path: str, value: object) -> None:
    if not isinstance(value, dict):
        raise BadField(path, "must be an object", "invalid_type")
    message = cast("dict[str, Any]", value)
    role = message.get("role")
    if not isinstance(role, str) or not role:
        raise BadField(f"{path}.role", "must be a non-empty string", "invalid_type")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return
    parts = cast("list[object]", content) if isinstance(content, list) else [None]
    if not all(isinstance(part, dict) for part in parts):
        raise BadField(f"{path}.content", "must be a string or a list of objects", "invalid_type")
