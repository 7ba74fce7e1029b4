"""How calls are told on `POST /v1/responses`: headers and errors as on all of OpenAI's routes, responses, events."""

from typing import Final

from api.gateway.following import End, Following
from api.gateway.openai_door import OpenAIDoor
from api.gateway.responses.shown import Shown
from api.gateway.responses.wording import Heading, Wording, response_of
from api.gateway.worded import json_bytes

RESET: Final = {"type": "longhaul.reset"}
"""The event by which a client that asked for resets is told to forget what it has heard."""


class ResponsesDoor(OpenAIDoor):
    """Tells one call. `shown`: what of its request is given back."""

    def __init__(self, following: Following, model: str, began: float, shown: Shown) -> None:
        """Take the call."""
        super().__init__(following, model, began)
        self._shown = shown

    def response(self, end: End) -> bytes:
        """Return the whole response."""
        return json_bytes(response_of(self._heading(end.outcome.routing.model), end.chunks, end.outcome))

    def wording(self) -> Wording:
        """Return the wording of an attempt, nothing said yet."""
        return Wording(self._heading())

    def _heading(self, answered: str = "") -> Heading:
        return Heading(self.call_id, answered or self._model, self._shown, self.told)
