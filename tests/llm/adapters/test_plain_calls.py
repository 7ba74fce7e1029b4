"""Embeddings, completions and lists of models that go wrong, in every dialect that has them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.errors import (
    ModelAnswerInvalid,
    ModelAnswerTooLarge,
    ModelCredentialDead,
    ModelError,
    ModelRejected,
    ModelThrottled,
    ModelUnavailable,
)
from domain.model_pool import Dialect
from services.llm.adapters.plain import BODY_LIMIT
from services.llm.chat import Target
from tests.llm.adapters.asking import Adapters, plain_request, target
from tests.llm.adapters.raw_server import JSON, raw_server, reply, stream

OPENAI, ANTHROPIC, GEMINI = Dialect
Call = Callable[[Adapters, Target], Awaitable[Any]]


async def embed(adapters: Adapters, where: Target) -> Any:
    return await adapters[where.dialect].embed(where, plain_request(input="Hello"))


async def complete(adapters: Adapters, where: Target) -> Any:
    return await adapters[where.dialect].complete(where, plain_request(prompt="Hello"))


async def models(adapters: Adapters, where: Target) -> Any:
    return await adapters[where.dialect].models(where)


CALLS: list[tuple[Dialect, Call]] = [
    (OPENAI, embed),
    (OPENAI, complete),
    (OPENAI, models),
    (ANTHROPIC, models),
    (GEMINI, embed),
    (GEMINI, models),
]
BAD: dict[str, tuple[bytes, type[ModelError]]] = {
    "empty": (reply(200), ModelAnswerInvalid),
    "web page": (reply(200, "<html>private</html>", {"content-type": "text/html"}), ModelAnswerInvalid),
    "half JSON": (reply(200, '{"data": ['), ModelAnswerInvalid),
    "other JSON": (reply(200, {"private": 1}), ModelAnswerInvalid),
    "JSON array": (reply(200, []), ModelAnswerInvalid),
    "error inside": (reply(200, {"error": {"code": 429, "message": "private"}}), ModelThrottled),
    "words inside": (reply(200, {"error": "private"}), ModelAnswerInvalid),
    "too large": (reply(200, b" " * (BODY_LIMIT + 1)), ModelAnswerTooLarge),
    "cut": (reply(200, '{"data": [', {**JSON, "content-length": "5000"}), ModelUnavailable),
    "unknown encoding": (reply(200, "private", {**JSON, "content-encoding": "br"}), ModelAnswerInvalid),
    "stream": (stream(b"data: {}\n\n"), ModelAnswerInvalid),
    "401": (reply(401, "private"), ModelCredentialDead),
    "404": (reply(404, "private"), ModelRejected),
    "429": (reply(429, "private"), ModelThrottled),
    "502": (reply(502, "<html>private</html>"), ModelUnavailable),
    "redirect": (reply(302, "", {"location": "http://169.254.169.254/"}), ModelRejected),
}


@pytest.mark.parametrize(("dialect", "call"), CALLS)
@pytest.mark.parametrize(("answer", "kind"), BAD.values(), ids=BAD)
async def test_a_bad_answer_is_its_error(
    adapters: Adapters, dialect: Dialect, call: Call, answer: bytes, kind: type[ModelError]
) -> None:
    async with raw_server(answer) as server:
        with pytest.raises(ModelError) as caught:
            await call(adapters, target(server.url, dialect))
    assert type(caught.value) is kind
    assert "private" not in str(caught.value)
    assert len(server.asked) == 1
