import pytest
from pydantic import ValidationError

from domain.content import INLINE_LIMIT, Text


@pytest.mark.parametrize(
    ("text", "size", "needs_blob"),
    [("", 0, False), ("é", 2, False), ("x" * INLINE_LIMIT, INLINE_LIMIT, False), ("é" * INLINE_LIMIT, 2048, True)],
)
def test_size_is_bytes_and_long_texts_want_a_blob(text: str, size: int, needs_blob: bool) -> None:
    inline = Text.inline(text)
    assert (inline.size, inline.needs_blob) == (size, needs_blob)


def test_reference_needs_no_blob() -> None:
    assert not Text(ref="sha256:00", size=10**6).needs_blob


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(ValidationError):
        Text(text="\ud800", size=3)
