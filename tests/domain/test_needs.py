"""What a body asks of a model."""

from typing import Any

import pytest

from domain.model_pool import Capability, Endpoint
from domain.needs import needs

TEXT = {"role": "user", "content": "hello"}


def parts(*kinds: Any) -> dict[str, Any]:
    return {"messages": [TEXT, {"role": "user", "content": [{"type": kind} for kind in kinds]}]}


CASES: list[tuple[dict[str, Any], set[Capability]]] = [
    ({"messages": [TEXT]}, set()),
    (parts("text"), set()),
    (parts("text", "image_url"), {Capability.VISION}),
    (parts("file", "input_image"), {Capability.VISION, Capability.FILES}),
    ({"messages": [TEXT], "tools": [{}]}, {Capability.TOOLS}),
    ({"messages": [TEXT], "tools": []}, set()),
    ({"messages": [TEXT], "functions": [{}]}, {Capability.TOOLS}),
    ({"messages": [TEXT], "response_format": {"type": "json_schema"}}, {Capability.JSON_SCHEMA}),
    ({"messages": [TEXT], "response_format": {"type": "json_object"}}, set()),
    ({"messages": "nonsense", "response_format": 7}, set()),
    ({"messages": [7, {"content": [7, {"type": 7}]}]}, set()),
    ({}, set()),
]


@pytest.mark.parametrize(("body", "expected"), CASES)
def test_needs_of_a_chat(body: dict[str, Any], expected: set[Capability]) -> None:
    assert needs(Endpoint.CHAT, body) == expected


def test_plain_calls_need_their_own_kind_of_model() -> None:
    assert needs(Endpoint.EMBEDDINGS, {"input": "x"}) == {Capability.EMBEDDINGS}
    assert needs(Endpoint.COMPLETIONS, {"prompt": "x"}) == {Capability.COMPLETIONS}
