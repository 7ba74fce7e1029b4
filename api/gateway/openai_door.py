"""How calls are told on the OpenAI API's routes: headers, errors, whole answers."""

import json
import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from api.gateway import headers
from api.gateway.chat_chunks import completion_id, created
from api.gateway.following import End, Following
from api.gateway.problems import envelope, retry_headers
from api.gateway.usage import usage_of
from domain.completion import assemble
from domain.gateway import CallError


class OpenAIDoor:
    """Tells one call. `began`: when its request came, by `time.perf_counter`; `model`: as it was asked for."""

    def __init__(self, following: Following, model: str, began: float) -> None:
        """Take the call."""
        self._following = following
        self._model = model
        self._began = began

    @property
    def call_id(self) -> str:
        """The id of the call that answers."""
        return self._following.call_id

    def headers(self) -> Mapping[str, str]:
        """Return the headers of the call as far as it has come."""
        return headers.of_call(self._following, self._elapsed_s())

    def refuse(self, error: CallError) -> Response:
        """Return the response that tells an error."""
        told = {**self.headers(), **retry_headers(error.retry_after_s)}
        return Response(_json(envelope(error)), error.status, told, "application/json")

    def completion(self, end: End) -> bytes:
        """Return a chat's completion."""
        return _json(completion_of(self._following.call_id, self._model, end))

    def plain(self, end: End) -> bytes:
        """Return the answer of a call that comes in one piece."""
        return _json(plain_of(self._model, end))

    def told(self) -> Mapping[str, Any]:
        """Return what is known of a call at its end only, for the last chunk of a stream."""
        outcome = self._following.outcome
        if outcome is None:
            return {}
        routing = outcome.routing
        return {
            "cost_micros": headers.cost_of(self._following, outcome),
            "cache": self._following.cache.value,
            "model": routing.model,
            "provider": routing.provider,
            "account": routing.account,
            "deployment": routing.deployment,
            "attempts": len(routing.tries),
            "simulated": routing.simulated,
            "waited_ms": outcome.waited_ms,
            "first_token_ms": outcome.first_token_ms,
            "upstream_ms": outcome.upstream_ms,
            "total_ms": outcome.total_ms,
            "overhead_ms": headers.overhead_ms(self._following, outcome, self._elapsed_s()),
        }

    def _elapsed_s(self) -> float:
        return time.perf_counter() - self._began


def completion_of(call_id: str, model: str, end: End) -> dict[str, Any]:
    """Return the `chat.completion` object of a call. `model`: as it was asked for, should none have answered."""
    return {
        "id": completion_id(call_id),
        "object": "chat.completion",
        "created": created(call_id),
        "model": end.outcome.routing.model or model,
        **assemble(end.chunks),
        "usage": usage_of(end.outcome.usage),
    }


def plain_of(model: str, end: End) -> dict[str, Any]:
    """Return the answer of a call that comes in one piece, as its provider gave it, under its public name."""
    return {**(end.body or {}), "model": end.outcome.routing.model or model}


def _json(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
