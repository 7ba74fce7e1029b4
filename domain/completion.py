"""From the chunks of a streamed chat completion to the whole one: what a client of the OpenAI API would put together.

Chunks are JSON objects of that API without `id`, `object`, `created`, `model` and `usage`. Fields that this build does
not know are joined by the same rules: texts are appended, lists of objects are joined by their `index`, objects member
by member, and of anything else the last word holds.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from domain.json_fields import is_object, object_of, objects_of

Json = Mapping[str, Any]

_REPLACED = frozenset(
    {
        "role",
        "type",
        "id",
        "finish_reason",
        "native_finish_reason",
        "object",
        "service_tier",
        "signature",
        "system_fingerprint",
        "thought_signature",
    }
)
"""Texts that are said whole each time."""


def assemble(chunks: Iterable[Json]) -> dict[str, Any]:
    """Return the completion that chunks make: `choices` with whole messages, and what else the server said."""
    whole: dict[str, Any] = {"choices": []}
    for chunk in chunks:
        _merge(whole, chunk)
    choices = sorted(objects_of(whole["choices"]), key=_index)
    whole["choices"] = [_whole_choice(choice) for choice in choices]
    return whole


def text_of(chunk: Json) -> str:
    """Return the text that a chunk adds to the first choice's content."""
    first = [choice for choice in objects_of(chunk.get("choices")) if _index(choice) == 0]
    texts = [object_of(choice.get("delta")).get("content") for choice in first]
    return "".join(text for text in texts if isinstance(text, str))


def _merge(whole: dict[str, Any], more: Json) -> None:
    for key, value in more.items():
        whole[key] = _joined(key, whole.get(key), value)


def _joined(key: str, old: object, new: object) -> object:
    if old is None or new is None:
        return new if old is None else old
    if isinstance(old, str) and isinstance(new, str):
        return new if key in _REPLACED else old + new
    if is_object(old) and is_object(new):
        merged = dict(old)
        _merge(merged, new)
        return merged
    if isinstance(old, list) and isinstance(new, list):
        return _joined_lists(cast("list[object]", old), cast("list[object]", new))
    return new


def _joined_lists(old: list[object], new: list[object]) -> list[object]:
    """Join lists of indexed objects by their index; others one after the other."""
    joined = list(old)
    places = {_index(object_of(item)): place for place, item in enumerate(old) if "index" in object_of(item)}
    for item in new:
        indexed = "index" in object_of(item)
        place = places.get(_index(object_of(item))) if indexed else None
        if place is not None:
            joined[place] = _joined("", joined[place], item)
            continue
        joined.append(item)
        if indexed:
            places[_index(object_of(item))] = len(joined) - 1
    return joined


def _whole_choice(choice: Json) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, **object_of(choice.get("delta"))}
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [_without_index(call) for call in cast("list[object]", calls)]
    rest = {key: value for key, value in choice.items() if key != "delta"}
    return {**rest, "message": message}


def _without_index(call: object) -> object:
    return {key: value for key, value in call.items() if key != "index"} if is_object(call) else call


def _index(item: Json) -> int:
    index = item.get("index")
    return index if isinstance(index, int) else 0
