"""How the simulated model reads a message: its language, its parts, and what they wait for."""

import pytest

from simulators.model_provider.rules.languages import detect
from simulators.model_provider.rules.links import parts


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the capital of France?", "en"),
        ("12345", "en"),
        ("", "en"),
        ("Was ist die Hauptstadt von Frankreich?", "de"),
        ("Größe", "de"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("¿Cuál es la capital de Francia?", "es"),
        ("Thủ đô của Pháp là gì?", "vi"),
        ("法国的首都是哪里？", "zh"),
        ("フランスの首都はどこですか？", "ja"),
        ("請 help me", "en"),
        ("프랑스의 수도는 어디입니까?", "ko"),
        ("Какая столица Франции?", "ru"),
        ("Qual è la capitale della Francia?", "it"),
    ],
)
def test_the_language_is_told(text: str, language: str) -> None:
    assert detect(text) == language


def shape(message: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(part.text, part.after) for part in parts(message)]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Write a poem.", [("Write a poem", ())]),
        ("Write a poem. Count owls!", [("Write a poem", ()), ("Count owls", ())]),
        ("- write a poem\n* count owls\n2) list cats", [("Write a poem", ()), ("Count owls", ()), ("List cats", ())]),
        ("Please do the following:\n1. Owls\n2. Cats", [("Owls", ()), ("Cats", ())]),
        ("Write about Berlin:\n- food\n- parks", [("Write about Berlin: food", ()), ("Write about Berlin: parks", ())]),
        ("Hello! Write to Dr. Smith, e.g. on 3.5 owls", [("Write to Dr. Smith, e.g. on 3.5 owls", ())]),
        ('Translate "One. Two; then three" now', [('Translate "One. Two; then three" now', ())]),
        ("Write A; count B; list C", [("Write A", ()), ("Count B", ()), ("List C", ())]),
        ("Write A, count B, and list C", [("Write A", ()), ("Count B", ()), ("List C", ())]),
        ("Research and write a report on cats and dogs", [("Research and write a report on cats and dogs", ())]),
        ("Write A, then count B", [("Write A", ()), ("Count B", (0,))]),
        ("Write A then count B then list C", [("Write A", ()), ("Count B", (0,)), ("List C", (1,))]),
        ("If it rains then stay home", [("If it rains then stay home", ())]),
        (
            "Write A and count B, then list C and name D",
            [("Write A", ()), ("Count B", ()), ("List C", (0, 1)), ("Name D", (0, 1))],
        ),
        (
            "Write A. Count B. Then list C. Name D. Finally, check E.",
            [("Write A", ()), ("Count B", ()), ("List C", (0, 1)), ("Name D", ()), ("Check E", (2, 3))],
        ),
        ("First, write A. After that count B", [("Write A", ()), ("Count B", (0,))]),
        ("Write A. Count B. Compare them.", [("Write A", ()), ("Count B", ()), ("Compare them", (0, 1))]),
        (
            "Write A. Count B. Combine all of these into one text.",
            [("Write A", ()), ("Count B", ()), ("Combine all of these into one text", (0, 1))],
        ),
        ("Write A and translate it into French", [("Write A", ()), ("Translate it into French", (0,))]),
        ("Compare them", [("Compare them", ())]),
        (
            "Write a long line that\ngoes on here. Count B",
            [("Write a long line that goes on here", ()), ("Count B", ())],
        ),
        ("Write A\nCount B", [("Write A", ()), ("Count B", ())]),
        (
            "Schreibe A und übersetze es, danach fasse alles zusammen",
            [("Schreibe A", ()), ("Übersetze es", (0,)), ("Fasse alles zusammen", (0, 1))],
        ),
        ("Écris A, puis traduis-le. Compte B", [("Écris A", ()), ("Traduis-le", (0,)), ("Compte B", ())]),
        ("Escribe A y luego cuenta B", [("Escribe A", ()), ("Cuenta B", (0,))]),
        ("Viết A, sau đó dịch nó", [("Viết A", ()), ("Dịch nó", (0,))]),
        ("写一首诗，然后翻译成英文。列出三种动物", [("写一首诗", ()), ("翻译成英文", (0,)), ("列出三种动物", ())]),
        ("写一首诗，并列出三种动物", [("写一首诗", ()), ("列出三种动物", ())]),
        ("俳句を書いて。その後、英語に翻訳して。", [("俳句を書いて", ()), ("英語に翻訳して", (0,))]),
        ("", []),
        ("Thanks!", []),
        ("...", []),
    ],
)
def test_a_message_is_cut_into_parts(message: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert shape(message) == expected


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("Ask me which city I prefer", "human", "Which city I prefer?"),
        ("Ask the user about the budget.", "human", "The budget?"),
        ("Frage mich, welche Stadt ich mag", "human", "Welche Stadt ich mag?"),
        ("Demande-moi quelle ville", "human", "Quelle ville?"),
        ("Pregúntame qué ciudad", "human", "Qué ciudad?"),
        ("Hỏi tôi thành phố nào", "human", "Thành phố nào?"),
        ("问我喜欢哪个城市", "human", "喜欢哪个城市？"),
        ("私に聞いて、好きな町", "human", "好きな町？"),
        ("Sub-request: Write A and count B. Then compare.", "request", "Write A and count B. Then compare."),
        ("Sub-request:\nWrite A\n- count B", "request", "Write A - count B"),
        ("Ask me", "generate", "Ask me"),
    ],
)
def test_people_and_sub_requests_get_their_own_kind(message: str, kind: str, text: str) -> None:
    (part,) = parts(message)
    assert (part.kind, part.text) == (kind, text)


def test_a_heading_takes_the_block_under_it_and_no_more() -> None:
    found = parts("Write A\n\n## Sub-request:\nCount B\n\nThen combine all")
    assert [(part.kind, part.text, part.after) for part in found] == [
        ("generate", "Write A", ()),
        ("request", "Count B", ()),
        ("generate", "Combine all", (0, 1)),
    ]


def test_options_in_brackets_are_read() -> None:
    first, second = parts('Write A [timeout_s=5; condition=steps.s1.result contains "x; y"].\nWrite B [no option]')
    assert first.options == {}
    assert second.text == "Write B [no option]"
    (part,) = parts("Write A [timeout_s=5; model=small]")
    assert (part.text, part.options) == ("Write A", {"timeout_s": "5", "model": "small"})


def test_beyond_the_limit_the_rest_is_one_part() -> None:
    found = parts("Write A. Write B. Write C. Write D", limit=3)
    assert [part.text for part in found] == ["Write A", "Write B", "Write C; Write D"]


@pytest.mark.parametrize("filler", [" ", ".", "\n", "“", "a\n", "- x\n", "[a=", "1.", "then ", "и", "，"])
def test_a_hostile_message_is_read_in_time(filler: str) -> None:
    assert len(parts(filler * (100_000 // len(filler)) + "x", limit=200)) <= 200
