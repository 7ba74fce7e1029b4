"""Inputs that are texts or lists of token numbers, one or several: prompts of completions, inputs of embeddings."""

from typing import NamedTuple

from simulators.model_provider import tokens
from simulators.model_provider.fields import wrong
from simulators.model_provider.json_value import Json, as_list

_MOST = 2048
_FORM = "a non-empty string, an array of them, an array of token numbers, or an array of such arrays"


class Input(NamedTuple):
    """One input. Of token numbers, which this server cannot read, the text is their numerals."""

    text: str
    tokens: int


def read_inputs(raw: Json, where: str) -> list[Input]:
    """Return the inputs.

    Raises:
        ApiError: 400; they are none, too many, or not of the form the API wants.
    """
    if isinstance(raw, str):
        return [_read_one(raw, where)]
    items = as_list(raw)
    if not items or len(items) > _MOST:
        raise wrong(where, f"{_FORM}, at most {_MOST}")
    if _is_number(items[0]):
        return [_read_one(items, where)]
    return [_read_one(item, where) for item in items]


def _read_one(raw: Json, where: str) -> Input:
    if isinstance(raw, str) and raw:
        return Input(raw, tokens.count(raw))
    numbers = as_list(raw)
    if not numbers or not all(_is_number(number) for number in numbers):
        raise wrong(where, _FORM)
    return Input(" ".join(str(number) for number in numbers), len(numbers))


def _is_number(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
