"""Text as people see it: characters that nobody sees can carry orders to a model, so they are taken out."""

import re
import unicodedata

_REMOVED = frozenset({"Cc", "Cf", "Co", "Zl", "Zp"})
_KEPT = frozenset("\n\t")
_RESERVED = re.compile(
    "[\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff"  # variation selectors, tags
    "\u2065\ufff0-\ufff8\ufdd0-\ufdef\ufffe\uffff]"  # unassigned, and never to be seen
)
_PLAIN = re.compile(r"[\n\t\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff]*\Z")
_SURROGATES = re.compile("[\ud800-\udfff]")

_JOINER = "\u200d"
_SELECTORS = frozenset("\ufe0e\ufe0f")
_HIDDEN_MARKS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters, marks and a symbol that draw nothing
)


def strip_hidden(text: str) -> tuple[str, int]:
    """Return the text without what is not seen, and how many characters that were.

    Taken out: controls but newline and tab, zero-width and direction marks, tags (U+E0000 to U+E007F), variation
    selectors, private characters, and what Unicode keeps for invisible ones. Kept: what joins and styles an emoji,
    next to one, and characters that this Python does not know yet. A lone surrogate becomes U+FFFD and counts.
    """
    if _PLAIN.match(text):
        return text, 0
    text, surrogates = _SURROGATES.subn("\ufffd", text)
    kept = [char for at, char in enumerate(text) if not _hidden(char) or _in_emoji(text, at)]
    return "".join(kept), len(text) - len(kept) + surrogates


def _hidden(char: str) -> bool:
    if char in _KEPT:
        return False
    return unicodedata.category(char) in _REMOVED or char in _HIDDEN_MARKS or _RESERVED.match(char) is not None


def _in_emoji(text: str, at: int) -> bool:
    """Whether a joiner or a selector belongs to an emoji: it stands after one, a joiner before one as well."""
    char, before = text[at], text[at - 1 : at]
    if char in _SELECTORS:
        return _pictures(before) or (before != "" and before in "#*0123456789")
    if char != _JOINER:
        return False
    styled = before in _SELECTORS and _pictures(text[at - 2 : at - 1])
    return (_pictures(before) or styled) and _pictures(text[at + 1 : at + 2])


def _pictures(char: str) -> bool:
    """Whether a character is drawn as an emoji or symbol, or is an emoji's skin tone."""
    return char != "" and (unicodedata.category(char) in ("So", "Sm") or "\U0001f3fb" <= char <= "\U0001f3ff")
