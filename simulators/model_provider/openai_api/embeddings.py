"""`POST /v1/embeddings`."""

import base64
import struct
from dataclasses import dataclass

from domain.model_pool import Dialect
from simulators.model_provider.chat import ChatCall, Kind
from simulators.model_provider.dialect import Asked, Incoming, Stamp
from simulators.model_provider.errors import ApiError
from simulators.model_provider.exchange import dump
from simulators.model_provider.fields import read_body, read_count, read_model
from simulators.model_provider.json_value import JsonObject
from simulators.model_provider.openai_api.inputs import read_inputs
from simulators.model_provider.replies import Reply
from simulators.model_provider.usage import Usage, tell
from simulators.model_provider.vectors import MOST_DIMENSIONS, USUAL_DIMENSIONS, embed

_FORMATS = ("float", "base64")


def read_embeddings(incoming: Incoming, key: str) -> Asked:
    """Read a request; raises ApiError for one that is not of the form the API wants."""
    data = read_body(incoming.body)
    model = read_model(data)
    inputs = read_inputs(data.get("input"), "input")
    dimensions = read_count(data, "dimensions") or USUAL_DIMENSIONS
    if dimensions > MOST_DIMENSIONS:
        raise ApiError(400, f"'dimensions' must be at most {MOST_DIMENSIONS}", "dimensions", "invalid_value")
    encoding = data.get("encoding_format") or "float"
    if encoding not in _FORMATS:
        raise ApiError(400, "'encoding_format' must be float or base64", "encoding_format", "invalid_value")
    texts = tuple(item.text for item in inputs)
    call = ChatCall(
        dialect=Dialect.OPENAI,
        kind=Kind.EMBEDDING,
        key=key,
        model=model,
        text="\n".join(texts),
        prompt_tokens=sum(item.tokens for item in inputs),
        idempotency_key=incoming.header(b"idempotency-key"),
    )
    return Asked(call, _Words(model, texts, dimensions, encoding == "base64").whole)


@dataclass(frozen=True, slots=True)
class _Words:
    model: str
    texts: tuple[str, ...]
    dimensions: int
    packed: bool

    def whole(self, reply: Reply, _stamp: Stamp) -> bytes:
        data = [
            {"object": "embedding", "index": index, "embedding": self._vector(text)}
            for index, text in enumerate(self.texts)
        ]
        body: JsonObject = {"object": "list", "data": data, "model": self.model}
        return dump(body | tell("usage", reply.usage, reply.spoilt, _usage))

    def _vector(self, text: str) -> list[float] | str:
        vector = embed(text, self.dimensions)
        if not self.packed:
            return list(vector)
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _usage(usage: Usage) -> JsonObject:
    return {"prompt_tokens": usage.prompt, "total_tokens": usage.prompt}
