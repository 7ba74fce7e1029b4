import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.hidden import strip_hidden

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
RAINBOW = "\U0001f3f3\ufe0f\u200d\U0001f308"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text,\n\tin two lines",
        "Größe, naïve, 東京, Việt Nam, Ελλάδα, עברית",
        "a heart \u2764\ufe0f and a key 1\ufe0f\u20e3",
        f"a family {FAMILY}, a flag {RAINBOW}",
        "a wave \U0001f44b\U0001f3fd",
        "an emoji of a later Unicode \U0001fae8, a script of a later one \U00011f04",
    ],
)
def test_what_people_see_stays(text: str) -> None:
    assert strip_hidden(text) == (text, 0)


@pytest.mark.parametrize(
    ("text", "seen", "count"),
    [
        ("a\u200bb\u200cc\u2060d\ufeffe", "abcde", 4),
        ("\u202eevil\u202c \u2066x\u2069", "evil x", 4),
        ("hi\U000e0049\U000e0067\U000e006e\U000e007f", "hi", 4),
        ("soft\u00adhyphen", "softhyphen", 1),
        ("a\0b\x07c\x1b[31md\r\n", "abc[31md\n", 4),
        ("private \ue000 \U000f0000", "private  ", 2),
        ("reserved \u2065\ufff0\ufdd0\U000e0fff", "reserved ", 4),
        ("lines\u2028and\u2029paragraphs", "linesandparagraphs", 2),
        ("filler \u3164\u115f\u2800", "filler ", 3),
        ("selector A\ufe0f\U000e0100", "selector A", 2),
        ("\ufe0fat the start", "at the start", 1),
        ("joiner a\u200db, at the end \U0001f468\u200d", "joiner ab, at the end \U0001f468", 2),
        ("joiners \U0001f468\u200d\u200d\u200d\U0001f469", "joiners \U0001f468\U0001f469", 3),
        ("half \ud800 a pair", "half \ufffd a pair", 1),
    ],
)
def test_what_nobody_sees_goes(text: str, seen: str, count: int) -> None:
    assert strip_hidden(text) == (seen, count)


VISIBLE = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u0890\u0891\u08e2")
"""Of the format characters, those that are drawn."""


def test_every_control_format_and_private_character_goes() -> None:
    hidden = ("Cc", "Cf", "Co", "Zl", "Zp")
    every = (chr(code) for code in range(0x110000))
    left = {char for char in every if unicodedata.category(char) in hidden and strip_hidden(char)[0]}
    assert left == VISIBLE | {"\n", "\t"}


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_nothing_hidden_is_left_and_twice_is_once(text: str) -> None:
    seen, count = strip_hidden(text)
    assert strip_hidden(seen) == (seen, 0)
    assert len(seen) <= len(text) <= len(seen) + count
    assert not {char for char in seen if unicodedata.category(char) in ("Cs", "Co")}
    assert not {char for char in seen if unicodedata.category(char) == "Cc"} - {"\n", "\t"}
    seen.encode()
