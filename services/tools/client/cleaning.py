"""Strangers' JSON without what people do not see and without our own secrets."""

from pydantic import JsonValue

from domain.hidden import strip_hidden
from services.tools.client.masking import Mask

NOTHING = Mask(())


class Cleaning:
    """Cleans texts and JSON values and remembers what was found.

    Attributes:
        hidden: Characters were taken out.
        masked: Secrets were taken out.
    """

    def __init__(self, mask: Mask = NOTHING) -> None:
        self._mask = mask
        self.hidden = False
        self.masked = False

    def text(self, text: str) -> str:
        """Return a clean text."""
        clean, count = strip_hidden(text)
        masked = self._mask(clean)
        self.hidden, self.masked = self.hidden or count > 0, self.masked or masked != clean
        return masked

    def value(self, value: JsonValue) -> JsonValue:
        """Return a JSON value whose texts, keys too, are clean."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value
