"""A request as the model reads it, whatever dialect it came in."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from domain.model_pool import Dialect
from simulators.model_provider.documents import Document
from simulators.model_provider.json_value import JsonObject


class Kind(StrEnum):
    """What is asked for."""

    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    COUNT = "count"
    """Only the number of tokens."""
    MODELS = "models"


FREE = frozenset({Kind.COUNT, Kind.MODELS})
"""What counts towards no limit, and is hit by a fault only if the fault's `match` names it."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call. `schema`: of its arguments."""

    name: str
    schema: JsonObject


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered, in the last turn."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of a request.

    Attributes:
        forced: Some tool must be called.
        only: This one must be.
        barred: None may be.
        parallel: Several may be called at once.
        results: What tools answered since the model last spoke.
    """

    tools: tuple[Tool, ...] = ()
    forced: bool = False
    only: str | None = None
    barred: bool = False
    parallel: bool = True
    results: tuple[ToolResult, ...] = ()


class ChatCall(NamedTuple):
    """One request, read.

    Attributes:
        key: The account that calls: its API key, empty for none.
        text: The last user message; for embeddings, all inputs.
        system: The system and developer messages.
        max_tokens: Bound on the answer's tokens, None for none.
        format: The response format asked for: text, json_object or json_schema.
        schema: The JSON schema of the answer, for json_schema.
        document: The product's document in the last user message, None for any other text.
        document_error: Why a message that names a task is no valid document.
        toolbox: None when there are neither tools nor results of any.
        stop: Texts before which an answer ends.
        reasons: The model thinks before it speaks.
        caches: A long system message seen before is read from the cache.
    """

    dialect: Dialect
    kind: Kind
    key: str
    model: str
    text: str
    system: str = ""
    stream: bool = False
    max_tokens: int | None = None
    format: str = "text"
    schema: JsonObject | None = None
    prompt_tokens: int = 0
    idempotency_key: str | None = None
    document: Document | None = None
    document_error: str | None = None
    toolbox: Toolbox | None = None
    stop: tuple[str, ...] = ()
    reasons: bool = False
    caches: bool = True

    @property
    def task(self) -> str | None:
        """The document's task."""
        return self.document.task if self.document else None

    @property
    def step_id(self) -> str | None:
        """The step the document is about."""
        return getattr(self.document, "step_id", None)

    @property
    def prompt_sha256(self) -> str:
        """A digest of the last user message, to tell whether the same was asked twice."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def reasons_by_name(model: str) -> bool:
    """Return whether a model of this name thinks before it speaks."""
    return "reason" in model.lower()
