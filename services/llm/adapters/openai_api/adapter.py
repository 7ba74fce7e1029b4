"""The adapter for every server that speaks the OpenAI API: the caller's body is relayed, and so is every chunk."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from domain.errors import ModelAnswerInvalid
from domain.json_fields import objects_of
from services.llm.adapters import plain
from services.llm.adapters.concessions import Concessions
from services.llm.adapters.connections import Answer, Connections
from services.llm.adapters.fields import list_of
from services.llm.adapters.openai_api.chunks import ChunkReader
from services.llm.adapters.openai_api.request import NOT_RELAYED, Terms, body, milder
from services.llm.adapters.openai_api.usage import read_input_usage, read_usage
from services.llm.adapters.reading import read_chat
from services.llm.adapters.sending import Credential, Sending, headers
from services.llm.adapters.strict_json import write_json
from services.llm.chat import ChatChunk, ChatRequest, PlainAnswer, PlainRequest, Target

_CREDENTIAL = Credential("authorization", "Bearer ")
_PLAINLY_OURS = NOT_RELAYED - {"max_tokens"}


class OpenAIAdapter:
    """Implements `services.llm.chat.Adapter`. What a model's server refuses to take is left out from then on."""

    def __init__(self, connections: Connections) -> None:
        """Take the process's connections."""
        self._connections = connections
        self._concessions = Concessions(Terms())

    def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield an answer in pieces."""
        return read_chat(partial(self._open, target, request))

    async def embed(self, target: Target, request: PlainRequest) -> PlainAnswer:
        """Return embeddings."""
        data, told = await self._plainly(target, request, "/embeddings")
        asked = list_of(request.body.get("input"))
        wanted = len(asked) if asked and not isinstance(asked[0], int) else 1
        if len(objects_of(data.get("data"))) != wanted:
            raise ModelAnswerInvalid("the model provider's answer has not one embedding for each input")
        usage = read_input_usage(data.get("usage"))
        return PlainAnswer(_cleared(data, told_usage=usage is not None), usage, told)

    async def complete(self, target: Target, request: PlainRequest) -> PlainAnswer:
        """Return a completion of a text."""
        data, told = await self._plainly(target, request, "/completions")
        if not objects_of(data.get("choices")):
            raise ModelAnswerInvalid("the model provider's answer has no completion")
        usage = read_usage(data.get("usage"))
        return PlainAnswer(_cleared(data, told_usage=usage is not None), usage, told)

    async def models(self, target: Target) -> tuple[str, ...]:
        """Return the models that the account may use."""
        sending = Sending(_address(target, "/models"), headers(target, _CREDENTIAL))
        data, _ = await plain.ask(self._connections, target, sending, plain.MODELS_S)
        if not isinstance(data.get("data"), list):
            raise ModelAnswerInvalid("the model provider's answer is no list of models")
        return plain.names(data["data"], "id")

    async def _open(self, target: Target, request: ChatRequest) -> tuple[Answer, ChunkReader]:
        ask = partial(self._ask, target, request)
        answer, _ = await self._concessions.open(target, request.model, ask, partial(milder, request))
        return answer, ChunkReader()

    async def _ask(self, target: Target, request: ChatRequest, terms: Terms) -> Answer:
        sent = headers(target, _CREDENTIAL, request.idempotency_key)
        return await self._connections.send(
            target, Sending(_address(target, "/chat/completions"), sent, body(request, terms))
        )

    async def _plainly(self, target: Target, request: PlainRequest, path: str) -> tuple[dict[str, Any], Any]:
        content = {key: value for key, value in request.body.items() if key not in _PLAINLY_OURS}
        sending = Sending(
            _address(target, path),
            headers(target, _CREDENTIAL, request.idempotency_key),
            write_json({**content, "model": request.model}),
        )
        return await plain.ask(self._connections, target, sending, request.timeout_s)


def _address(target: Target, path: str) -> str:
    return f"{target.base_url.rstrip('/')}{path}"


def _cleared(data: dict[str, Any], *, told_usage: bool) -> dict[str, Any]:
    """Return an answer without its model, and without a usage that cannot be true."""
    return {key: value for key, value in data.items() if key != "model" and (told_usage or key != "usage")}
