from typing import Any

import pytest
from pydantic import ValidationError

from domain.documents import Entity, Understanding
from domain.request import Caps, Options, Phase, ProcessedInput


def test_last_three_phases_are_ends() -> None:
    assert [phase for phase in Phase if phase.is_end] == list(Phase)[-3:]


@pytest.mark.parametrize("language", ["en", "vi", "zh-Hans-CN", "pt-BR"])
def test_language_is_a_tag(language: str) -> None:
    assert Options(language=language).language == language


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "English, please"},
        {"language": "en\n"},
        {"language": "e"},
        {"priority": 0},
        {"priority": 6},
        {"budget_micros": -1},
        {"budget_micros": 10**15 + 1},
        {"deadline_s": 0},
        {"deadline_s": float("nan")},
        {"deadline_s": float("inf")},
        {"deadline_s": 31 * 86_400},
        {"approval": "sometimes"},
        {"approval_timeout_s": 0},
        {"question_timeout_s": 1e12},
        {"model": ""},
        {"typo": 1},
    ],
    ids=str,
)
def test_wrong_option_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"max_steps": 201}, {"max_steps": 0}, {"max_depth": 6}, {"window": 0}], ids=str)
def test_caps_have_caps(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Caps.model_validate(wrong)


def test_processed_input_is_what_users_see_of_an_understanding() -> None:
    understanding = Understanding(
        intent="plan",
        entities=(Entity(type="person", value="Bo"),),
        required_agents=("jira",),
        detailed_description="d",
        question="?",
    )
    assert ProcessedInput.of(understanding).model_dump() == {
        "intent": "plan",
        "entities": ({"type": "person", "value": "Bo"},),
        "required_agents": ("jira",),
        "detailed_description": "d",
    }
