"""Reading the JSON object that a model was asked for: models wrap it in fences, thoughts and words."""

import json
import math
import re
from typing import Any, cast

from services.llm.printable import printable

_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_ESCAPES = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def read_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object in an answer, None when there is none.

    NaN, infinities and numbers beyond a float are no JSON. Strings come out fit for every store.
    """
    text = _THOUGHTS.sub("", text)
    start = text.find("{")
    if start < 0:
        return None
    try:
        data, _ = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    found = cast("dict[str, Any]", data)
    return cast("dict[str, Any]", _cleaned(found)) if _ESCAPES.search(text) else found


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(key): _cleaned(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in cast("list[object]", value)]
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_float)
