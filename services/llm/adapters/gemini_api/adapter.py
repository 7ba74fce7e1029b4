"""The adapter for Google's Gemini API."""

from collections.abc import AsyncGenerator
from functools import partial
from urllib.parse import quote

from domain.budget import Usage
from domain.errors import ModelAnswerInvalid, ModelRejected
from services.llm.adapters import plain
from services.llm.adapters.concessions import Concessions
from services.llm.adapters.connections import Answer, Connections
from services.llm.adapters.fields import count_of
from services.llm.adapters.gemini_api import embeddings
from services.llm.adapters.gemini_api.request import Terms, body, milder
from services.llm.adapters.gemini_api.responses import ResponseReader
from services.llm.adapters.reading import read_chat
from services.llm.adapters.sending import Credential, Sending, address, headers
from services.llm.chat import ChatChunk, ChatRequest, PlainAnswer, PlainRequest, Target

_CREDENTIAL = Credential("x-goog-api-key")
_API = "/v1beta"


class GeminiAdapter:
    """Implements `services.llm.chat.Adapter`. What a model refuses to take is left out from then on."""

    def __init__(self, connections: Connections) -> None:
        """Take the process's connections."""
        self._connections = connections
        self._concessions = Concessions(Terms())

    def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield an answer in pieces."""
        return read_chat(partial(self._open, target, request))

    async def embed(self, target: Target, request: PlainRequest) -> PlainAnswer:
        """Return embeddings."""
        resource = _resource(request.model)
        sending = Sending(
            address(target, _API, f"/{resource}:batchEmbedContents"),
            headers(target, _CREDENTIAL, request.idempotency_key),
            embeddings.body(request.body, resource),
        )
        data, told = await plain.ask(self._connections, target, sending, request.timeout_s)
        answer, given = embeddings.answer(request.body, data), count_of(embeddings.input_tokens(data))
        if given is None:
            return PlainAnswer(answer, None, told)
        answer["usage"] = {"prompt_tokens": given, "total_tokens": given}
        return PlainAnswer(answer, Usage(input_tokens=given), told)

    async def complete(self, target: Target, request: PlainRequest) -> PlainAnswer:  # noqa: ARG002  the port's form
        """Refuse: the API has no completions."""
        raise ModelRejected("Gemini's API has no completions of a text")

    async def models(self, target: Target) -> tuple[str, ...]:
        """Return the models that the account may use."""
        sending = Sending(address(target, _API, "/models?pageSize=1000"), headers(target, _CREDENTIAL))
        data, _ = await plain.ask(self._connections, target, sending, plain.MODELS_S)
        if not isinstance(data.get("models"), list):
            raise ModelAnswerInvalid("the model provider's answer is no list of models")
        return plain.names(data["models"], "name", "models/")

    async def _open(self, target: Target, request: ChatRequest) -> tuple[Answer, ResponseReader]:
        ask = partial(self._ask, target, request)
        answer, _ = await self._concessions.open(target, request.model, ask, partial(milder, request))
        return answer, ResponseReader()

    async def _ask(self, target: Target, request: ChatRequest, terms: Terms) -> Answer:
        url = address(target, _API, f"/{_resource(request.model)}:streamGenerateContent?alt=sse")
        sent = headers(target, _CREDENTIAL, request.idempotency_key)
        return await self._connections.send(target, Sending(url, sent, body(request, terms)))


def _resource(model: str) -> str:
    """Return a model's resource name; the name itself cannot lead elsewhere."""
    if model.startswith("tunedModels/"):
        return f"tunedModels/{quote(model.removeprefix('tunedModels/'), safe='')}"
    return f"models/{quote(model.removeprefix('models/'), safe='')}"
