"""Chunks of answers for tests: single ones, and any stream that a provider may make."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from domain.budget import Usage
from domain.gateway import CallOutcome

Json = dict[str, Any]

DONE = CallOutcome(phase="done", finish_reason="stop", usage=Usage(input_tokens=5, output_tokens=2))


def chunk(**delta: Any) -> Json:
    """Return a chunk with this delta."""
    return {"choices": [{"index": 0, "delta": delta}]}


def words(*texts: str) -> list[Json]:
    """Return chunks of text."""
    return [chunk(content=text) for text in texts]


def thought(*texts: str, signature: str = "", index: int = 0) -> list[Json]:
    """Return chunks of a thinking block: its text as it comes, then, where it is sealed, the whole."""
    told = [chunk(reasoning_content=text) for text in texts]
    whole = {"index": index, "type": "thinking", "thinking": "".join(texts), "signature": signature}
    return [*told, chunk(thinking_blocks=[whole])] if signature else told


def last(**choice: Any) -> Json:
    """Return the chunk that ends an answer."""
    delta: Json = {}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop", **choice}]}


def call(index: int, *, id: str = "", name: str = "", arguments: str = "") -> Json:  # noqa: A002  the API's own name
    """Return a chunk of a tool call."""
    head = {"id": id, "type": "function"} if id else {}
    function = {**({"name": name} if name else {}), "arguments": arguments}
    return chunk(tool_calls=[{"index": index, **head, "function": function}])


@dataclass(frozen=True)
class Said:
    """What some chunks say, put together without regard to their order."""

    text: str
    thinking: str
    calls: list[tuple[str, str, Any]]


def said(chunks: list[Json]) -> Said:
    """Put chunks together."""
    deltas = [each["choices"][0]["delta"] for each in chunks]
    heads: dict[int, tuple[str, str]] = {}
    written: dict[int, str] = {}
    for part in (part for delta in deltas for part in delta.get("tool_calls", ())):
        if "id" in part:
            heads[part["index"]] = (part["id"], part["function"]["name"])
        written[part["index"]] = written.get(part["index"], "") + part["function"]["arguments"]
    return Said(
        "".join(delta.get("content", "") for delta in deltas),
        "".join(delta.get("reasoning_content", "") for delta in deltas),
        [(*heads[index], json.loads(text or "{}")) for index, text in written.items()],
    )


@st.composite
def streams(draw: st.DrawFn) -> list[Json]:
    """Return the chunks of an answer: thinking, text, and calls whose parts may be shuffled into each other."""
    texts = st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=3)
    signed = draw(st.sampled_from(["", "c2ln"]))
    chunks = thought(*draw(texts), signature=signed) + words(*draw(texts))
    calls = [_parts(draw, index) for index in range(draw(st.integers(0, 3)))]
    while any(calls):
        parts = draw(st.sampled_from([parts for parts in calls if parts]))
        chunks.append(parts.pop(0))
    return chunks


def _parts(draw: st.DrawFn, index: int) -> list[Json]:
    value = draw(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2))
    written = json.dumps(value)
    cut = draw(st.integers(0, len(written)))
    head = call(index, id=f"t{index}", name=draw(st.sampled_from(["f", "g"])))
    parts = [call(index, arguments=part) for part in (written[:cut], written[cut:])]
    return [head, *parts] if draw(st.booleans()) or value else [head]
