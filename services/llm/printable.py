"""Text that every store takes: models and their servers send NULs and halves of surrogate pairs now and then."""

import re
from typing import Any, TypeVar, cast

T = TypeVar("T")
_ESCAPES = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""How JSON spells what `printable` replaces."""


def printable(text: str) -> str:
    """Return a text that every store takes: a NUL or a lone surrogate becomes U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def printable_json(data: T, text: str) -> T:
    """Return the data of a JSON `text` with all of its texts printable; the usual text costs one search."""
    return cast("T", _cleaned(data)) if "\\u" in text and _ESCAPES.search(text) else data


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _cleaned(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in cast("list[object]", value)]
    return value
