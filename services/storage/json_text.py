"""JSON as PostgreSQL takes it: no NUL and no lone surrogate, which a model's answer may well contain."""

import json
from typing import Any, cast


def encode(value: object) -> str:
    """Return compact JSON. NUL and lone surrogates become U+FFFD; the log is for viewing, blobs keep texts exactly."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if "\\u0000" in text or not _is_utf8(text):
        return json.dumps(_clean(value), ensure_ascii=False, separators=(",", ":"))
    return text


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {_clean(key): _clean(item) for key, item in members.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in cast("list[Any]", value)]
    return value
