# ruff: noqa: RUF001  letters that look like others are what this is about
"""Letters and digits that are taken for Latin letters, with what they look like. From Unicode's UTS 39, abridged."""

from typing import Final

_CYRILLIC: Final = "аa вb гr еe єe зe иu іl јj кk мm нh оo пn рp сc тt уy үy хx ѕs ԁd ԛq ԝw һh ьb ӏl ѵv өo ғf"
_GREEK: Final = "αa βb γy εe ζz ηn ιl κk μu νv οo πn ρp σo τt υu χx ωw ϲc ϳj"
_ARMENIAN: Final = "օo ոn սu հh զq ցg յj քp տs ւl ӏl"
_LATIN: Final = "ıl ɩl ɑa ɡg łl øo đd ðd þp ħh ŧt ɣy ʋu ƅb ǀl ɪl ʀr ᴏo ᴄc ᴠv ᴡw ᴢz æae œoe"
_DIGITS: Final = "0o 1l 3e 4a 5s 7t il |l"
LOOKS_LIKE: Final = str.maketrans(
    {pair[0]: pair[1:] for pair in f"{_CYRILLIC} {_GREEK} {_ARMENIAN} {_LATIN} {_DIGITS}".split()}
)
"""For `str.translate`."""
