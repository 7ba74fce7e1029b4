"""The internal form of a model call: what adapters take and give, whatever API they speak.

It is the OpenAI API's own: a chat's `body` is that of `POST /v1/chat/completions` and its chunks are that API's chunks,
so that nothing of a caller's is lost on the way to an OpenAI-compatible server. The other adapters translate.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from domain.budget import Usage, estimate_tokens
from domain.model_pool import Capability, Dialect
from domain.sizes import FRAME_TOKENS, choices, input_tokens

Json = Mapping[str, Any]


@dataclass(frozen=True)
class JsonSchema:
    """The JSON that an answer must be. `name` is for the provider: letters, digits, _ and -."""

    name: str
    schema: Json

    @cached_property
    def text(self) -> str:
        """The schema as compact JSON."""
        return json.dumps(self.schema, separators=(",", ":"))


@dataclass(frozen=True)
class Target:
    """Where a call goes. `base_url` as in `domain.model_pool.Provider`; times in seconds.

    Attributes:
        credential: The account's, in the clear; None: the server wants none. It stands in no text and no repr.
        simulated: The server is a stand-in, and its answers are to be labelled so.
        silence_s: Bound on the wait for the next byte.
        allow_private: The host may lead into a private network or to this machine. What it leads to is judged whenever
            a connection is made.
    """

    dialect: Dialect
    base_url: str
    credential: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    simulated: bool = False
    connect_s: float = 5.0
    silence_s: float = 300.0
    allow_private: bool = False


@dataclass(frozen=True)
class ChatRequest:
    """One chat call.

    Attributes:
        model: The provider's name of the model.
        body: The OpenAI API's body without `model`, `stream`, `stream_options` and the bounds on output tokens. Fields
            that an adapter does not know are relayed where the API has the same form, and left out elsewhere.
        max_output_tokens: Bound on the answer, None: the caller set none.
        default_output_tokens: What is told to an API that must be told a bound where the caller set none.
        capabilities: What the model must be able to do, for the pool to choose by.
        timeout_s: Bound on the whole call, kept by the caller of the adapter.
        json_schema: The answer's form for tasks of our own: a server that does not take schemas is asked in words.
    """

    model: str
    body: Json
    max_output_tokens: int | None
    timeout_s: float
    json_schema: JsonSchema | None = None
    idempotency_key: str = ""
    default_output_tokens: int = 4096
    capabilities: frozenset[Capability] = frozenset()

    @classmethod
    def task(  # noqa: PLR0913  the fields of a value
        cls,
        *,
        model: str,
        system: str,
        user: str,
        max_output_tokens: int,
        timeout_s: float,
        json_schema: JsonSchema | None = None,
        idempotency_key: str = "",
    ) -> "ChatRequest":
        """Return a task of our own: one system and one user message."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return cls(model, {"messages": messages}, max_output_tokens, timeout_s, json_schema, idempotency_key)

    @cached_property
    def input_tokens(self) -> int:
        """Our upper estimate of the tokens that the provider counts as input."""
        schema = estimate_tokens(self.json_schema.text) if self.json_schema else 0
        return input_tokens(self.body) + schema + FRAME_TOKENS

    @property
    def choices(self) -> int:
        """How many answers are asked for, each within the bound."""
        return choices(self.body)


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """A piece of an answer, as much as one read from the socket brought.

    The first chunk may be empty: it says that the provider took the request.

    Attributes:
        text: The text in it, of the first choice.
        usage: What the provider told, None when it told nothing that can be true.
        deltas: The chunks of the OpenAI API in it, in order, each a JSON object with `choices` (and whatever else the
            server says), without `id`, `object`, `created`, `model` and `usage`. A chunk that says nothing is left out.
        told: The answer's headers, lower-case, on the first chunk: limits are learnt from them.
    """

    text: str = ""
    finish_reason: str | None = None
    refused: bool = False
    usage: Usage | None = None
    deltas: tuple[Json, ...] = ()
    told: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A whole answer. `finish_reason` as in the OpenAI API; `simulated`: no real model said this.

    `deltas`: all of its chunks, where they were to be kept; `body`: of a plain call, its whole answer.
    """

    text: str
    finish_reason: str
    refused: bool
    usage: Usage
    model: str
    simulated: bool
    deltas: tuple[Json, ...] = ()
    body: Json | None = None


@dataclass(frozen=True)
class PlainRequest:
    """A call that is answered in one piece: embeddings, or a completion. `body`: the OpenAI API's without `model`."""

    model: str
    body: Json
    timeout_s: float
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """Its answer: the OpenAI API's body, without `model`; `told` as in `ChatChunk`."""

    body: Json
    usage: Usage | None
    told: Mapping[str, str]


class Adapter(Protocol):
    """The port to an API: every adapter streams, retries nothing, and raises `domain.errors.ModelError` only."""

    def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield an answer in pieces. The caller bounds its time and its size, and closes the generator."""
        ...

    async def embed(self, target: Target, request: PlainRequest) -> PlainAnswer:
        """Return embeddings; ModelRejected where the API has none."""
        ...

    async def complete(self, target: Target, request: PlainRequest) -> PlainAnswer:
        """Return a completion of a text; ModelRejected where the API has none."""
        ...

    async def models(self, target: Target) -> tuple[str, ...]:
        """Return the models that the account may use: a call that costs nothing, good for a check of the credential."""
        ...
