from typing import Any

import pytest

from domain.sizes import FILE_TOKENS, IMAGE_TOKENS, input_tokens, plain_input_tokens


def chat(content: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **fields}


def test_a_text_counts_a_token_for_three_bytes() -> None:
    assert input_tokens(chat("x" * 300)) - input_tokens(chat("")) == 100
    assert input_tokens(chat("ü" * 300)) - input_tokens(chat("")) == 200


def test_tools_and_the_answers_form_count() -> None:
    tools = [{"type": "function", "function": {"name": "f", "description": "x" * 300}}]
    assert input_tokens(chat("", tools=tools)) > input_tokens(chat("")) + 100
    assert input_tokens(chat("", response_format={"type": "json_schema"})) > input_tokens(chat(""))


def test_an_image_counts_flat_however_long_its_data() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    assert input_tokens(chat([image])) - input_tokens(chat([])) == IMAGE_TOKENS


def test_a_file_counts_its_bytes_up_to_a_bound() -> None:
    def file(size: int) -> int:
        return input_tokens(chat([{"type": "file", "file": {"file_data": "A" * size}}])) - input_tokens(chat([]))

    assert 1000 <= file(3000) < 1100
    assert file(3_000_000) == FILE_TOKENS


@pytest.mark.parametrize("body", [{}, {"messages": "x"}, {"messages": None}])
def test_a_body_without_messages_counts_nothing(body: dict[str, Any]) -> None:
    assert input_tokens(body) == 0


def test_what_stands_too_deep_is_not_followed() -> None:
    deep: Any = "x" * 300
    for _ in range(100):
        deep = [{"a": deep}]
    assert input_tokens(chat(deep)) < 200


def test_numbers_and_truth_values_count_one_each() -> None:
    assert input_tokens(chat([1, True, None])) - input_tokens(chat([])) == 3


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"input": "x" * 30}, 18 + 8),
        ({"prompt": ["x" * 30, "x" * 30]}, 36 + 8),
        ({"input": [1, 2, 3]}, 3 + 8),
        ({}, 1 + 8),
    ],
)
def test_embeddings_and_completions_are_counted(body: dict[str, Any], tokens: int) -> None:
    assert plain_input_tokens(body) == tokens
