"""Reading the JSON object that a model was asked for: models wrap it in fences, thoughts and words."""

import json
import math
import re
from typing import Any, cast

from services.llm.printable import printable_json

_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


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
    return printable_json(cast("dict[str, Any]", data), text)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_float)
