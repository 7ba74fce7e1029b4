import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.api_keys import SpelledKey, parse_key, secret_of
from domain.errors import InvalidInput
from domain.user_names import normalised, skeleton


@given(st.text(max_size=80))
def test_a_normalised_name_stays_as_it_is(text: str) -> None:
    try:
        name = normalised(text)
    except InvalidInput:
        return
    assert normalised(name) == name
    assert unicodedata.normalize("NFKC", name) == name
    assert skeleton(skeleton(name)) == skeleton(name)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Ada.Lovelace@example.com", "ada.lovelace@example.com"),
        ("\u041c\u0430\u0440\u0438\u044f", "\u043c\u0430\u0440\u0438\u044f"),
        ("\u674e\u96f7", "\u674e\u96f7"),
        ("\u30c8\u30e8\u30bf2", "\u30c8\u30e8\u30bf2"),
        ("\u0633\u0627\u0631\u0629", "\u0633\u0627\u0631\u0629"),
        ("\u0938\u0940\u0924\u093e", "\u0938\u0940\u0924\u093e"),
    ],
)
def test_names_of_the_world_are_names(name: str, kept: str) -> None:
    assert normalised(name) == kept


def test_numbered_names_stay_apart() -> None:
    names = [f"user{n}" for n in range(1000)]
    assert len({skeleton(name) for name in names}) == 1000


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1))
def test_a_spelled_key_is_read_again(raw: bytes, number: int) -> None:
    key = SpelledKey(f"{number:016x}", secret_of(raw))
    assert parse_key(key.text) == key
    assert key.secret not in repr(key)


@given(st.text(max_size=70))
def test_other_texts_are_no_keys(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 201,
        "x" * 65,
        "\u13aa\u13a0",
        "\u0430b",
        "\u00a9a",
        "a\u0301\u0301\u0301\u0301",
        "-a",
        "a b",
        "a\u200b",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalised(name)
    assert caught.value.problems[0].code == "invalid_name"
