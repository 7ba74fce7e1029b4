"""Names of users and tenants: one spelling each (NFKC, case folded), and what a look-alike of them would be.

Two names with the same skeleton look alike, so only one of them can be taken. The idea is Unicode's (UTS 39); the table
here is smaller, and also takes digits for the letters that they are used for: `adm1n` is `admin`.
"""

import unicodedata
from typing import Final

from domain.confusables import LOOKS_LIKE
from domain.errors import InvalidInput, Problem

LONGEST: Final = 64
_LONGEST_RAW: Final = 200
_MARKS_IN_A_ROW: Final = 2
_PUNCTUATION: Final = frozenset("._-@+")
_EAST_ASIAN: Final = frozenset({"HANGUL", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK", "IDEOGRAPHIC"})
_SCRIPTS: Final = _EAST_ASIAN.union(
    ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN", "HEBREW", "ARABIC", "DEVANAGARI", "BENGALI", "GURMUKHI"),
    ("GUJARATI", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "THAI", "LAO", "KHMER", "MYANMAR", "ETHIOPIC"),
)
"""The scripts in use today, as the first word of a letter's name tells them. A name has letters of one of them, or of
East Asian ones and Latin."""
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks that show nothing. Format characters (zero width, direction) are refused by their category."""

_LOOK_TOGETHER_LIKE: Final = (("rn", "m"), ("vv", "w"))


def normalised(name: str) -> str:
    """Return the one spelling of a name.

    Raises:
        InvalidInput: It is empty, too long, or has characters that cannot be seen or told apart.
    """
    if len(name) > _LONGEST_RAW:
        raise _refused("a name is too long")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    if not 1 <= len(folded) <= LONGEST:
        raise _refused(f"a name has 1 to {LONGEST} characters")
    for each in (*name, *folded):
        _check(each)
    if not folded[0].isalnum():
        raise _refused("a name begins with a letter or a digit")
    _check_marks(folded)
    _check_scripts(folded)
    return folded


def skeleton(name: str) -> str:
    """Return what a normalised name and all that looks like it have in common. It is no name, and not to be shown."""
    bare = "".join(
        each for each in unicodedata.normalize("NFD", name) if not unicodedata.category(each).startswith("M")
    )
    digits = "".join(_ascii_digit(each) for each in bare)
    seen = digits.translate(LOOKS_LIKE)
    for pair, single in _LOOK_TOGETHER_LIKE:
        seen = seen.replace(pair, single)
    return seen


def _ascii_digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _check(character: str) -> None:
    category = unicodedata.category(character)
    if character in _INVISIBLE or category in {"Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}:
        raise _refused("a name has a character that cannot be seen")
    if character.isascii() and not character.isalnum() and character not in _PUNCTUATION:
        raise _refused("a name has letters, digits and . _ - @ +")


def _check_marks(folded: str) -> None:
    row = 0
    for each in folded:
        category = unicodedata.category(each)
        row = row + 1 if category.startswith("M") else 0
        if row > _MARKS_IN_A_ROW or not (category[0] in "LM" or category == "Nd" or each in _PUNCTUATION):
            raise _refused("a name has letters, digits and . _ - @ +")


def _check_scripts(folded: str) -> None:
    letters = [each for each in folded if unicodedata.category(each).startswith("L")]
    scripts = {unicodedata.name(each, "?").split()[0] for each in letters}
    if not scripts <= _SCRIPTS:
        raise _refused("a name has letters of a script that is not in use")
    if len(scripts) > 1 and not scripts <= _EAST_ASIAN | {"LATIN"}:
        raise _refused("a name mixes the letters of several scripts")


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, (Problem(code="invalid_name", path="/name", message=message),))
