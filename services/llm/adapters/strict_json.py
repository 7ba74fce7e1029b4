"""JSON on its way to and from providers: what we send is JSON, what we read becomes JSON that every store takes."""

import json
import math
from codecs import BOM_UTF8
from typing import Any, cast

from domain.errors import ModelAnswerInvalid, ModelRejected
from services.llm.printable import printable_json


def read_json(payload: bytes) -> object:
    """Return what a provider's JSON says.

    NaN, infinities and numbers beyond a float become null, bytes that are no UTF-8 become U+FFFD: an answer that is
    paid for is not lost for a number nobody reads.

    Raises:
        ModelAnswerInvalid: It is not JSON.
    """
    text = payload.removeprefix(BOM_UTF8).decode(errors="replace")
    try:
        return printable_json(_DECODER.decode(text), text)
    except (ValueError, RecursionError):
        raise ModelAnswerInvalid("the model provider's answer is not JSON") from None


def read_object(payload: bytes) -> dict[str, Any]:
    """Return the object in a provider's JSON.

    Raises:
        ModelAnswerInvalid: It is no JSON object.
    """
    data = read_json(payload)
    if not isinstance(data, dict):
        raise ModelAnswerInvalid("the model provider's answer is no JSON object")
    return cast("dict[str, Any]", data)


def write_json(data: object) -> bytes:
    """Return compact JSON.

    Raises:
        ModelRejected: There is none, as of NaN.
    """
    try:
        return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise ModelRejected("the request cannot be written as JSON") from None


def _nothing(_constant: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return None if math.isinf(number) else number


_DECODER = json.JSONDecoder(parse_constant=_nothing, parse_float=cast("Any", _finite))
