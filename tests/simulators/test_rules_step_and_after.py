"""The step, evaluate and synthesize tasks: real work on the text, in its language."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.documents import EvaluateDocument, Status, StepDocument, StepResultDocument, SynthesizeDocument, Turn
from simulators.model_provider.json_value import Json
from simulators.model_provider.rules.answers import answer_text
from simulators.model_provider.rules.arithmetic import solve
from simulators.model_provider.rules.evaluate import evaluate
from simulators.model_provider.rules.phrases import LANGUAGES, phrases
from simulators.model_provider.rules.step import step
from simulators.model_provider.rules.synthesize import synthesize
from simulators.model_provider.rules.words import short

PLACE = re.compile(r"{(\w+)}")


def done(prompt: str, language: str = "en", **fields: Json) -> str:
    return step(StepDocument(step_id="s1", prompt=prompt, language=language, **fields))


@pytest.mark.parametrize(
    ("text", "solved"),
    [
        ("what is 12*7", ("12*7", "84")),
        ("12 × 7 + 0.5?", ("12 × 7 + 0.5", "84.5")),
        ("(2+3)*4 please", ("(2+3)*4", "20")),
        ("10 / 4", ("10 / 4", "2.5")),
        ("1 ÷ 3", ("1 ÷ 3", "0.333333")),
        ("2 - -3", ("2 - -3", "5")),
        ("1/0", None),
        ("2026-11-21", None),
        ("1/2/2026", None),
        ("in 2026 and 7 owls", None),
        ("9**9**9**9", None),
        ("no sum", None),
    ],
)
def test_sums(text: str, solved: tuple[str, str] | None) -> None:
    assert solve(text) == solved


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ('Count the words in "one two. three"', "Words: 3, characters: 14, sentences: 2. Counted in: one two. three"),
        ("Translate into French: good morning", "In French: good morning"),
        ("Extract the facts: Ada wrote 3 notes for bob@example.com", "Found: email bob@example.com, number 3."),
        ("Compare tea and coffee", "Texts compared: 2. In common: nothing. Only in one: tea, coffee."),
        ("Write about owls", "About owls. It opens with owls"),
        ("Is it raining in Berlin?", "The question “Is it raining in Berlin?” turns on raining, Berlin."),
        ("List two owls", "2 points on"),
        ("List 4 owls", "4 points on"),
        ("Hello there!", "Hello! What can I do for you?"),
    ],
)
def test_work_on_the_prompt(prompt: str, expected: str) -> None:
    assert expected in done(prompt)


def test_a_list_has_as_many_points_as_asked_for() -> None:
    assert done("List seven owls").count("\n- ") == 7
    assert done("列出三种动物", "zh").count("\n- ") == 3


def test_inputs_are_worked_on() -> None:
    inputs = {"s1": "Owls hunt at night. Owls are quiet.", "s2": "Cats hunt by day."}
    assert "- Owls hunt at night. Owls are quiet.\n- Cats hunt by day." in done("Combine all of them", inputs=inputs)
    assert "In common: hunt." in done("Compare them", inputs=inputs)
    assert "Owls hunt at night." in done("Summarise them", inputs=inputs)
    assert "It builds on: Owls hunt at night." in done("Write a poem", inputs=inputs)
    assert "It builds on: Owls hunt at night." in done("Who hunts?", inputs=inputs)


def test_a_prompt_that_points_back_uses_the_conversation() -> None:
    history = (Turn(role="user", text="Hi"), Turn(role="assistant", text="Owls are quiet."))
    assert "Owls are quiet." in done("Translate it into German", history=history)


def test_what_is_known_of_a_project_is_said() -> None:
    context = {"projects": [{"key": "ATL", "name": "Atlas", "members": ["Ada", "Bob"], "lead": "Eve"}]}
    assert "Project Atlas: members Ada, Bob; lead Eve." in done("Write about Atlas", context=context)


def test_feedback_is_taken_up() -> None:
    assert done("Write about owls", feedback="too short").startswith("Revised (too short): ")


def test_json_is_json() -> None:
    answer = json.loads(done("Count owls", format="json", inputs={"s1": "a b"}, feedback="no JSON"))
    assert answer["inputs"] == ["s1"]
    assert answer["feedback"] == "no JSON"
    assert answer["answer"].startswith("Revised")


@pytest.mark.parametrize(
    ("prompt", "language", "expected"),
    [
        ("Schreibe über Eulen", "de", "Es beginnt mit Eulen"),
        ("Traduis en anglais : bonjour", "fr", "En anglais"),
        ("Cuenta: uno dos", "es", "Palabras: 2"),
        ("Tóm tắt: Cú bay.", "vi", "Tóm tắt từ 2 từ"),
        ("翻译成英文：你好", "zh", "译成英文：你好"),
        ("英語に翻訳して：こんにちは", "ja", "英語で：こんにちは"),
        ("Write about owls", "pt-BR", "It opens with owls"),
        ("Write about owls", "de-AT", "Es beginnt mit"),
    ],
)
def test_the_answer_is_in_the_steps_language(prompt: str, language: str, expected: str) -> None:
    assert expected in done(prompt, language)


def test_every_language_has_every_phrase() -> None:
    tables = {language: phrases(language) for language in LANGUAGES}
    for name, phrase in tables["en"].items():
        translations = {table[name] for table in tables.values()}
        assert len(translations) == len(LANGUAGES)
        assert {frozenset(PLACE.findall(text)) for text in translations} == {frozenset(PLACE.findall(phrase))}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_answered_and_passes_its_own_evaluation(text: str) -> None:
    answer = answer_text(text)
    assert answer.strip()
    assert evaluate(EvaluateDocument(step_id="s", prompt=text, result=answer))["success"]


@pytest.mark.parametrize(
    ("prompt", "result", "success", "needs_adjustment"),
    [
        ("Write about owls", "An owl sat.", False, False),
        ("Write about owls", "Owls sat.", True, False),
        ("Write about owls", "  ", False, False),
        ("Write about owls", "I'm sorry, I can't help with owls.", False, True),
        ("写一首关于雨的诗", "雨的诗", True, False),
        ("?", "anything", True, False),
    ],
)
def test_a_result_must_be_about_its_prompt(prompt: str, result: str, success: bool, needs_adjustment: bool) -> None:
    verdict = evaluate(EvaluateDocument(step_id="s1", prompt=prompt, result=result))
    assert (verdict["success"], verdict["needs_adjustment"]) == (success, needs_adjustment)
    assert verdict["reason"]


def result(step_id: str, status: Status, text: str | None = None, note: str | None = None) -> StepResultDocument:
    return StepResultDocument(id=step_id, prompt=f"Do {step_id}", status=status, text=text, note=note)


def final(language: str, *results: StepResultDocument) -> str:
    return synthesize(SynthesizeDocument(message="Do it", language=language, results=results))


def test_results_come_in_order_and_failures_are_told() -> None:
    text = final(
        "de",
        result("s1", "succeeded", "Eulen jagen."),
        result("s2", "accepted", "Katzen.", note="zu kurz."),
        result("s3", "failed", note="Zeit abgelaufen"),
        result("s4", "skipped", note="s3 ist gescheitert"),
        result("s5", "cancelled"),
    )
    assert text.split("\n\n") == [
        "Hier ist deine Antwort in 2 Teilen.",
        "1. Eulen jagen.",
        "2. Katzen.\nNicht vollständig geprüft: zu kurz.",
        "Nicht erledigt: s3 “Do s3”. Es ist gescheitert: Zeit abgelaufen.",
        "Übersprungen: s4 “Do s4”. Grund: s3 ist gescheitert.",
        "Abgebrochen: s5 “Do s5”. Grund: kein Grund genannt.",
    ]


def test_one_result_is_the_answer_and_none_is_said() -> None:
    assert final("en", result("s1", "succeeded", "Owls.")) == "Owls."
    assert final("zh", result("s1", "failed", note="超时")).startswith("没有任何部分能够完成。")


def test_shortening_keeps_words_whole() -> None:
    assert short("one two three four", 12) == "one two…"
    assert short("abcdefghijklmnop", 6) == "abcde…"
    assert short("one\n two", 10) == "one two"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_could_not_be_done_is_told_and_not_worked_on(language: str) -> None:
    prompt = phrases(language)["tell"].format(prompt="List three seas.", failure="the server is down")
    told = done(prompt, language)
    assert "List three seas." in told
    assert "the server is down" in told
    assert len(told) <= len(prompt)
