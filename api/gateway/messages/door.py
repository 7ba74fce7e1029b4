"""How calls are told on the routes of Anthropic's Messages API: headers, errors, whole messages, events."""

import json
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from api.gateway.following import End, Following, Piece
from api.gateway.messages.problems import REQUEST_ID, envelope, status_of
from api.gateway.messages.wording import Heading, Wording, message_of
from api.gateway.openai_door import OpenAIDoor
from api.gateway.problems import retry_headers
from api.gateway.telling import EventAnswer
from api.gateway.worded import json_bytes
from api.limit_headers import anthropic_headers
from domain.gateway import CallError

RESET: Final = {"type": "reset"}
"""The event by which a client that asked for resets is told to forget what it has heard."""
_PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'


class MessagesDoor(OpenAIDoor):
    """Tells one call. `request_id`: of the request that asked for it."""

    def __init__(self, following: Following, model: str, began: float, request_id: str) -> None:
        """Take the call."""
        super().__init__(following, model, began)
        self._request_id = request_id

    def headers(self) -> Mapping[str, str]:
        """Return the headers of the call as far as it has come."""
        return {**super().headers(), **anthropic_headers(), REQUEST_ID: self._request_id}

    def refuse(self, error: CallError) -> Response:
        """Return the response that tells an error."""
        told = {**self.headers(), **retry_headers(error.retry_after_s)}
        return Response(json.dumps(envelope(error, self._request_id)), status_of(error), told, "application/json")

    def message(self, end: End) -> bytes:
        """Return the whole message."""
        return json_bytes(message_of(self._heading(end.outcome.routing.model), end.chunks, end.outcome))

    def wording(self) -> Wording:
        """Return the wording of an attempt, nothing said yet."""
        return Wording(self._heading())

    def _heading(self, answered: str = "") -> Heading:
        return Heading(self.call_id, answered or self._model, self.told, self._request_id)


class PingedAnswer(EventAnswer):
    """A stream that is kept open as Anthropic's API does it: by pings."""

    def _written(self, news: Piece | End | None) -> bytes:
        return _PING if news is None else super()._written(news)
