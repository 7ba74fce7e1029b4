"""What a call asks of a model beyond text, read from its body in the OpenAI API's form."""

from collections.abc import Iterator, Mapping
from typing import Any

from domain.json_fields import object_of, objects_of, text_of
from domain.model_pool import Capability, Endpoint

_BY_ENDPOINT = {Endpoint.EMBEDDINGS: Capability.EMBEDDINGS, Endpoint.COMPLETIONS: Capability.COMPLETIONS}
_BY_PART = {
    "image_url": Capability.VISION,
    "input_image": Capability.VISION,
    "file": Capability.FILES,
    "input_file": Capability.FILES,
    "image": Capability.VISION,  # as in Anthropic's API, like the next
    "document": Capability.FILES,
}


def needs(endpoint: Endpoint, body: Mapping[str, Any]) -> frozenset[Capability]:
    """Return the capabilities that a deployment must have to answer."""
    if endpoint in _BY_ENDPOINT:
        return frozenset({_BY_ENDPOINT[endpoint]})
    found = {_BY_PART[kind] for kind in _part_types(body.get("messages")) if kind in _BY_PART}
    if body.get("tools") or body.get("functions"):
        found.add(Capability.TOOLS)
    if object_of(body.get("response_format")).get("type") == "json_schema":
        found.add(Capability.JSON_SCHEMA)
    return frozenset(found)


def _part_types(messages: object) -> Iterator[str]:
    for message in objects_of(messages):
        for part in objects_of(message.get("content")):
            yield text_of(part.get("type"))
