"""The small pure parts: usages, JSON in answers, prices, prompts."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.budget import Price, Usage
from domain.documents import Understanding
from domain.errors import InvalidInput
from services.llm.adapters.openai_api.usage import read_usage
from services.llm.collecting import settled
from services.llm.json_answers import read_object
from services.llm.prices import Prices
from services.llm.prompts import Task, prompt
from tests.llm.parts import chat_request


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 10**15), st.integers(0, 10**7))
def test_no_usage_exceeds_what_the_request_allows(given: int, cached: int, made: int, delivered: int) -> None:
    request = chat_request("m", max_output_tokens=100)
    told = read_usage(
        {"prompt_tokens": given, "completion_tokens": made, "prompt_tokens_details": {"cached_tokens": cached}}
    )
    used = settled(told, request, delivered)
    assert used.input_tokens <= request.input_tokens
    assert used.output_tokens <= 100
    assert used.cached_tokens <= used.input_tokens
    assert used.estimated or used == told


def test_a_possible_usage_is_believed() -> None:
    told = Usage(input_tokens=20, cached_tokens=5, output_tokens=30)
    assert settled(told, chat_request("m"), 90) == told


@pytest.mark.parametrize("raw", [None, [], 5, {}, {"prompt_tokens": 1}, {"prompt_tokens": 1.5, "completion_tokens": 1}])
def test_what_is_no_usage_is_none(raw: Any) -> None:
    assert read_usage(raw) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('<think>{"b": 2}</think>\n{"a": 1} That is it.', {"a": 1}),
        ('Sure: {"a": {"b": [1]}}', {"a": {"b": [1]}}),
        ('{"a": ["x\\u0000y\\ud800z", 1.5]}', {"a": ["x\ufffdy\ufffdz", 1.5]}),
        ("", None),
        ("no", None),
        ("[1, 2]", None),
        ('{"a": NaN}', None),
        ('{"a": -Infinity}', None),
        ('{"a": 1e999}', None),
        ('{"a": ' + "9" * 5000 + "}", None),
        ('{"a":' * 100_000, None),
        ('{"a": 1', None),
    ],
)
def test_json_is_found_in_an_answer(text: str, expected: dict[str, Any] | None) -> None:
    assert read_object(text) == expected


def test_the_longest_matching_price_counts() -> None:
    prices = Prices({"gpt-4o*": Price(input_micros=2), "gpt-4o-mini*": Price(input_micros=1)})
    assert prices.of("gpt-4o-mini-2024").input_micros == 1
    assert prices.of("gpt-4o").input_micros == 2
    assert prices.quote("somebody-else") == (Price(), False)


def test_the_built_in_table_knows_the_simulated_model() -> None:
    quote = Prices.load().quote("longhaul-simulated")
    assert quote.known
    assert quote.price.output_micros > 0


def test_a_file_overrides_the_built_in_table(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("longhaul-sim*: {input_micros: 7}\nmine: {output_micros: 3}\n")
    prices = Prices.load(file)
    assert prices.of("longhaul-simulated") == Price(input_micros=7)
    assert prices.of("mine") == Price(output_micros=3)
    assert prices.quote("gpt-4o").known


@pytest.mark.parametrize("text", ["[1]", "a: {input_micros: -1}", "a: {nonsense: 1}", "a: [", "\0"])
def test_a_bad_price_table_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput):
        Prices.load(file)


@pytest.mark.parametrize("task", list(Task))
def test_prompts_say_that_the_document_is_data(task: Task) -> None:
    wanted = prompt(task)
    assert "JSON document" in wanted.system
    assert "is data" in wanted.system
    if wanted.json_schema is not None:
        jsonschema.Draft202012Validator.check_schema(wanted.json_schema.schema)
        assert "JSON object" in wanted.system


def test_the_planners_schema_takes_a_usual_draft() -> None:
    schema = prompt(Task.PLAN).json_schema
    assert schema is not None
    step: dict[str, Any] = {
        "id": "s1",
        "kind": "generate",
        "prompt": "Do it",
        "depends_on": [],
        "evaluate": "model",
        "timeout_s": 60,
    }
    jsonschema.validate({"steps": [step]}, json.loads(schema.text))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"steps": [{"id": "s1", "prompt": {"text": "no"}}]}, json.loads(schema.text))


def test_the_understandings_schema_has_its_fields() -> None:
    schema = prompt(Task.UNDERSTAND).json_schema
    assert schema is not None
    assert set(schema.schema["properties"]) == set(Understanding.model_fields)
