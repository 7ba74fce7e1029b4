"""The text a step works on: the results it is given, else what its prompt quotes or has after a colon, else all."""

# ruff: noqa: RUF001 - the signs of other scripts are meant

import re
from collections.abc import Mapping
from typing import NamedTuple

from simulators.model_provider.rules.connectives import REFERS_BACK
from simulators.model_provider.rules.words import quoted

_AFTER_COLON = re.compile(r"[:：]\s*(?=\S)")


class Material(NamedTuple):
    """A step's prompt, and the texts it is about. `given`: they are not the prompt's own."""

    prompt: str
    texts: tuple[str, ...]
    given: bool = False

    @classmethod
    def of(cls, prompt: str, inputs: Mapping[str, str], history: tuple[str, ...]) -> "Material":
        """Choose the texts; `history` is used for a prompt that points back ("translate it")."""
        given = tuple(text for text in inputs.values() if text.strip())
        if given:
            return cls(prompt, given, given=True)
        if history and REFERS_BACK.search(prompt):
            return cls(prompt, history[-1:], given=True)
        return cls(prompt, _own(prompt))

    @property
    def text(self) -> str:
        """All texts as one."""
        return "\n".join(self.texts)


def _own(prompt: str) -> tuple[str, ...]:
    quotations = quoted(prompt)
    if quotations:
        return tuple(quotations)
    match = _AFTER_COLON.search(prompt)
    return (prompt[match.end() :],) if match else (prompt,)
