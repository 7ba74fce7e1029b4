"""Embeddings of the OpenAI API by way of `batchEmbedContents`."""

import math
import struct
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, cast

from domain.errors import ModelAnswerInvalid, ModelRejected
from domain.json_fields import object_of, objects_of
from services.llm.adapters.fields import list_of
from services.llm.adapters.strict_json import write_json

_OWN = ("taskType", "title")


def body(asked: Mapping[str, Any], resource: str) -> bytes:
    """Return the JSON body. `resource`: the model's name as `models/…`.

    Raises:
        ModelRejected: The input is not text.
    """
    more: dict[str, Any] = {name: asked[name] for name in _OWN if name in asked}
    if asked.get("dimensions") is not None:
        more["outputDimensionality"] = asked["dimensions"]
    requests = [{"model": resource, "content": {"parts": [{"text": text}]}, **more} for text in _texts(asked)]
    return write_json({"requests": requests})


def answer(asked: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer as the OpenAI API has it, without a usage.

    Raises:
        ModelAnswerInvalid: There is not one embedding for each text.
    """
    embeddings = objects_of(data.get("embeddings"))
    if len(embeddings) != len(_texts(asked)):
        raise ModelAnswerInvalid("the model provider's answer has not one embedding for each input")
    packed = asked.get("encoding_format") == "base64"
    values = [_numbers(embedding.get("values")) for embedding in embeddings]
    told = [
        {"object": "embedding", "index": place, "embedding": _packed(each) if packed else each}
        for place, each in enumerate(values)
    ]
    return {"object": "list", "data": told}


def input_tokens(data: Mapping[str, Any]) -> object:
    """Return what the answer tells of its input's tokens."""
    return object_of(data.get("usageMetadata")).get("promptTokenCount")


def _texts(asked: Mapping[str, Any]) -> list[str]:
    given = asked.get("input")
    texts = [given] if isinstance(given, str) else given
    if (
        not isinstance(texts, list)
        or not texts
        or not all(isinstance(text, str) for text in cast("list[object]", texts))
    ):
        raise ModelRejected("Gemini's API embeds a text or a list of texts, no tokens")
    return cast("list[str]", texts)


def _numbers(raw: object) -> list[float]:
    values = list_of(raw)
    if not values or not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
        raise ModelAnswerInvalid("the model provider's answer has an embedding that is no list of numbers")
    return values


def _packed(values: list[float]) -> str:
    """Return numbers as base64 of little-endian 32-bit floats, as the OpenAI API packs them."""
    return b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
