"""Text as people see it: characters that nobody sees can carry orders to a model, so they are taken out."""

import re
import unicodedata

_NEVER = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but tab and newline
    "\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0"  # draw nothing
    "\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"  # no width, direction, lines, notes
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # of notations
    "\ufe00-\ufe0d\U000e0000-\U000e0fff"  # variation selectors, tags
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private
    "\ufdd0-\ufdef\ufffe\uffff"  # never to be seen
)
_BESIDE_EMOJI = "\u200d\ufe0e\ufe0f"
_HIDDEN = re.compile(f"[{_NEVER}]+|[{_BESIDE_EMOJI}]{{3,}}|[{_BESIDE_EMOJI}]")
"""More than two in a row belong to no emoji."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_JOINER = "\u200d"


def strip_hidden(text: str) -> tuple[str, int]:
    """Return the text without what is not seen, and how many characters that were.

    Taken out: controls but newline and tab, zero-width and direction marks, tags (U+E0000 to U+E007F), variation
    selectors, private characters, and what Unicode keeps for invisible ones. Kept: what joins and styles an emoji,
    next to one, and characters that this Python does not know yet. A lone surrogate becomes U+FFFD and counts.
    """
    text, surrogates = _SURROGATES.subn("\ufffd", text)

    def seen(found: re.Match[str]) -> str:
        return found[0] if len(found[0]) == 1 and found[0] in _BESIDE_EMOJI and _in_emoji(text, found.start()) else ""

    kept = _HIDDEN.sub(seen, text)
    return kept, len(text) - len(kept) + surrogates


def _in_emoji(text: str, at: int) -> bool:
    """Whether a joiner or a selector belongs to an emoji: it stands after one, a joiner before one as well."""
    before = text[at - 1 : at]
    if text[at] != _JOINER:
        return _pictures(before) or (before != "" and before in "#*0123456789")
    styled = before != "" and before in _BESIDE_EMOJI and before != _JOINER and _pictures(text[at - 2 : at - 1])
    return (_pictures(before) or styled) and _pictures(text[at + 1 : at + 2])


def _pictures(char: str) -> bool:
    """Whether a character is drawn as an emoji or symbol, or is an emoji's skin tone."""
    return char != "" and (unicodedata.category(char) in ("So", "Sm") or "\U0001f3fb" <= char <= "\U0001f3ff")
