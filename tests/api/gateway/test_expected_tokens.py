from typing import Any

import pytest

from api.gateway.expected_tokens import MOST, USUAL_OUTPUT, expected_tokens
from domain.model_pool import Endpoint
from domain.sizes import input_tokens

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "How are you today?"}]}


@pytest.mark.parametrize(
    ("more", "output"),
    [
        ({}, USUAL_OUTPUT),
        ({"max_tokens": 50}, 50),
        ({"max_completion_tokens": 70, "max_tokens": 50}, 70),
        ({"max_tokens": 50, "n": 3}, 150),
        ({"max_tokens": -1}, USUAL_OUTPUT),
        ({"max_tokens": "many", "n": "some"}, USUAL_OUTPUT),
        ({"max_tokens": True}, USUAL_OUTPUT),
    ],
)
def test_a_chat_is_expected_to_use_its_bound(more: dict[str, Any], output: int) -> None:
    assert expected_tokens(Endpoint.CHAT, {**CHAT, **more}) == input_tokens(CHAT) + output


def test_embeddings_use_their_input_and_completions_their_bound() -> None:
    assert 0 < expected_tokens(Endpoint.EMBEDDINGS, {"input": ["a", "b"]}) < 100
    prompt = {"prompt": "Once upon a time"}
    short, long = (expected_tokens(Endpoint.COMPLETIONS, {**prompt, "max_tokens": n}) for n in (10, 500))
    assert long - short == 490


def test_nothing_is_expected_beyond_what_can_be_counted() -> None:
    assert expected_tokens(Endpoint.CHAT, {**CHAT, "max_tokens": 10**15}) == MOST
