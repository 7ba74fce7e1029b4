"""The adapter for Anthropic's Messages API."""

from collections.abc import AsyncGenerator
from functools import partial

from domain.errors import ModelAnswerInvalid, ModelRejected
from services.llm.adapters import plain
from services.llm.adapters.anthropic_api.events import EventReader
from services.llm.adapters.anthropic_api.request import Terms, betas, body, milder
from services.llm.adapters.concessions import Concessions
from services.llm.adapters.connections import Answer, Connections
from services.llm.adapters.reading import read_chat
from services.llm.adapters.sending import Credential, RawHeaders, Sending, address, headers
from services.llm.chat import ChatChunk, ChatRequest, PlainAnswer, PlainRequest, Target

_CREDENTIAL = Credential("x-api-key")
_API = "/v1"


class AnthropicAdapter:
    """Implements `services.llm.chat.Adapter`. What a model refuses to take is left out from then on."""

    def __init__(self, connections: Connections) -> None:
        """Take the process's connections."""
        self._connections = connections
        self._concessions = Concessions(Terms())

    def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield an answer in pieces."""
        return read_chat(partial(self._open, target, request))

    async def embed(self, target: Target, request: PlainRequest) -> PlainAnswer:  # noqa: ARG002  the port's form
        """Refuse: the API has no embeddings."""
        raise ModelRejected("Anthropic's API has no embeddings")

    async def complete(self, target: Target, request: PlainRequest) -> PlainAnswer:  # noqa: ARG002  the port's form
        """Refuse: the API has no completions."""
        raise ModelRejected("Anthropic's API has no completions of a text")

    async def models(self, target: Target) -> tuple[str, ...]:
        """Return the models that the account may use."""
        sending = Sending(address(target, _API, "/models?limit=1000"), _headers(target))
        data, _ = await plain.ask(self._connections, target, sending, plain.MODELS_S)
        if not isinstance(data.get("data"), list):
            raise ModelAnswerInvalid("the model provider's answer is no list of models")
        return plain.names(data["data"], "id")

    async def _open(self, target: Target, request: ChatRequest) -> tuple[Answer, EventReader]:
        ask = partial(self._ask, target, request)
        answer, _ = await self._concessions.open(target, request.model, ask, partial(milder, request))
        return answer, EventReader()

    async def _ask(self, target: Target, request: ChatRequest, terms: Terms) -> Answer:
        sent = _headers(target, request.idempotency_key, betas(request))
        return await self._connections.send(
            target, Sending(address(target, _API, "/messages"), sent, body(request, terms))
        )


def _headers(target: Target, idempotency_key: str = "", trials: str = "") -> RawHeaders:
    beta = {"anthropic_beta": trials} if trials else {}
    return headers(target, _CREDENTIAL, idempotency_key, anthropic_version="2023-06-01", **beta)
