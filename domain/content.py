"""Text that may be long: inline when short, else a reference to the blob store.

History and messages stay small because a prompt or a result over `INLINE_LIMIT` travels by reference.
"""

from domain.value import Value

INLINE_LIMIT = 1024
"""Bytes of UTF-8 up to which a text travels inline."""

RESULT_LIMIT = 2 * 1024 * 1024
"""Bytes of UTF-8 that one model answer may have."""


class Text(Value):
    """A text: either `text` is set, or `ref` names the blob (`sha256:<hex>`) that holds it.

    `size` is the length in bytes of UTF-8.
    """

    text: str | None = None
    ref: str | None = None
    size: int

    @classmethod
    def inline(cls, text: str) -> "Text":
        """Hold a text as it is, whatever its size; activities move long ones to the blob store."""
        return cls(text=text, size=len(text.encode()))

    @property
    def needs_blob(self) -> bool:
        """Whether the text is inline and too long to travel so."""
        return self.text is not None and self.size > INLINE_LIMIT
