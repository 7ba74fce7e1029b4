"""Calls that are answered in one piece of JSON: embeddings, completions, lists of models."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from domain.errors import ModelAnswerInvalid
from domain.json_fields import objects_of, text_of
from services.llm.adapters import refusals
from services.llm.adapters.concessions import refusal_of, refused
from services.llm.adapters.connections import Answer, Connections, translated
from services.llm.adapters.sending import Sending
from services.llm.adapters.strict_json import read_object
from services.llm.chat import Target
from services.llm.errors import ModelTimedOut

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of such an answer: a hundred embeddings of 3,072 numbers are a sixth of it."""
MODELS_S = 30.0
"""How long a list of models may take."""
MODELS_LIMIT = 10_000


async def ask(
    connections: Connections, target: Target, sending: Sending, timeout_s: float
) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Send a request; return its answer's object and headers.

    Raises:
        ModelError: There is none.
    """
    try:
        async with asyncio.timeout(timeout_s):
            answer = await connections.send(target, sending)
            async with aclosing(answer):
                return await _object(answer), answer.told
    except TimeoutError:
        raise ModelTimedOut(f"the model provider gave no whole answer within {timeout_s:g} s") from None


def names(listed: object, key: str, prefix: str = "") -> tuple[str, ...]:
    """Return the models in a list of objects, by their `key`, without `prefix`; what is no name is left out."""
    found = (text_of(item.get(key)).removeprefix(prefix) for item in objects_of(listed)[:MODELS_LIMIT])
    return tuple(name for name in found if name)


async def _object(answer: Answer) -> dict[str, Any]:
    if answer.status != HTTPStatus.OK:
        raise refused(answer, await refusal_of(answer))
    if "html" in answer.form:
        raise ModelAnswerInvalid("the model provider answered with a web page")
    with translated():
        data = read_object(await answer.body(BODY_LIMIT))
    if data.get("error"):
        raise refusals.from_error_object(data["error"])
    return data
