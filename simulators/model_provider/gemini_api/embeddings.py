"""`:embedContent` and `:batchEmbedContents`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from domain.model_pool import Dialect
from simulators.model_provider import tokens
from simulators.model_provider.chat import ChatCall, Kind
from simulators.model_provider.dialect import Asked, Incoming, Stamp
from simulators.model_provider.errors import ApiError
from simulators.model_provider.exchange import dump
from simulators.model_provider.fields import read_body, read_count, read_object, read_objects
from simulators.model_provider.gemini_api.contents import read_parts, text_of
from simulators.model_provider.gemini_api.spelling import camel
from simulators.model_provider.json_value import JsonObject
from simulators.model_provider.replies import Reply
from simulators.model_provider.usage import Usage, tell
from simulators.model_provider.vectors import MOST_DIMENSIONS, USUAL_DIMENSIONS, embed

_MOST = 100


class _Wanted(NamedTuple):
    text: str
    dimensions: int


def read_embedding(incoming: Incoming, key: str) -> Asked:
    """Read a request for one; raises ApiError for one that is not of the form the API wants."""
    wanted = [_read_one(camel(read_body(incoming.body)))]
    return _asked(wanted, incoming, key, lambda vectors: {"embedding": vectors[0]})


def read_embeddings(incoming: Incoming, key: str) -> Asked:
    """Read a request for several; raises ApiError for one that is not of the form the API wants."""
    requests = read_objects(read_body(incoming.body).get("requests"), "requests")
    if not 0 < len(requests) <= _MOST:
        raise ApiError(400, f"* BatchEmbedContentsRequest.requests: at least one and at most {_MOST} can be in a batch")
    wanted = [_read_one(camel(request)) for request in requests]
    return _asked(wanted, incoming, key, lambda vectors: {"embeddings": vectors})


def _read_one(data: JsonObject) -> _Wanted:
    parts = read_parts(read_object(data.get("content"), "content"), "content")
    dimensions = read_count(data, "outputDimensionality") or USUAL_DIMENSIONS
    if dimensions > MOST_DIMENSIONS:
        raise ApiError(400, f"output_dimensionality: must be at most {MOST_DIMENSIONS}")
    return _Wanted(text_of(parts), dimensions)


def _asked(
    wanted: list[_Wanted], incoming: Incoming, key: str, body: Callable[[list[JsonObject]], JsonObject]
) -> Asked:
    call = ChatCall(
        dialect=Dialect.GEMINI,
        kind=Kind.EMBEDDING,
        key=key,
        model=incoming.path["model"],
        text="\n".join(item.text for item in wanted),
        prompt_tokens=sum(tokens.count(item.text) for item in wanted),
        idempotency_key=incoming.header(b"idempotency-key"),
    )
    return Asked(call, _Words(wanted, body).whole)


@dataclass(frozen=True, slots=True)
class _Words:
    wanted: list[_Wanted]
    body: Callable[[list[JsonObject]], JsonObject]

    def whole(self, reply: Reply, _stamp: Stamp) -> bytes:
        vectors: list[JsonObject] = [{"values": list(embed(item.text, item.dimensions))} for item in self.wanted]
        return dump(self.body(vectors) | tell("usageMetadata", reply.usage, reply.spoilt, _usage))


def _usage(usage: Usage) -> JsonObject:
    return {"promptTokenCount": usage.prompt}
