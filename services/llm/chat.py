"""The internal form of a model call: what adapters take and give, whatever API they speak."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from domain.budget import Usage, estimate_tokens

_FRAME_TOKENS = 64
"""What servers add round the messages: roles, separators, a template."""


@dataclass(frozen=True)
class JsonSchema:
    """The JSON that an answer must be. `name` is for the provider: letters, digits, _ and -."""

    name: str
    schema: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """The schema as compact JSON."""
        return json.dumps(self.schema, separators=(",", ":"))


@dataclass(frozen=True)
class ChatRequest:
    """One call. `max_output_tokens` bounds the answer, `timeout_s` the whole call in seconds."""

    model: str
    system: str
    user: str
    max_output_tokens: int
    timeout_s: float
    json_schema: JsonSchema | None = None
    idempotency_key: str = ""

    @cached_property
    def input_tokens(self) -> int:
        """Our upper estimate of the tokens that the provider counts as input."""
        schema = estimate_tokens(self.json_schema.text) if self.json_schema else 0
        return estimate_tokens(self.system) + estimate_tokens(self.user) + schema + _FRAME_TOKENS


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """A piece of an answer. `usage` is what the provider told, None when it told nothing that can be true.

    The first chunk may be empty: it says that the provider took the request.
    """

    text: str = ""
    finish_reason: str | None = None
    refused: bool = False
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A whole answer. `finish_reason` as in the OpenAI API; `simulated`: no real model said this."""

    text: str
    finish_reason: str
    refused: bool
    usage: Usage
    model: str
    simulated: bool


class ChatModel(Protocol):
    """The port to a provider: every adapter streams, retries nothing, and raises `domain.errors.ModelError` only."""

    @property
    def simulated(self) -> bool:
        """Whether the provider is a stand-in."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield an answer in pieces. The caller bounds its time and its size, and closes the generator."""
        ...
