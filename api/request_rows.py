"""What a row of the request log says: read off the ASGI scope, and off a gateway call's outcome."""

from datetime import datetime
from typing import Any, Final, Protocol

from starlette.types import Message, Scope

from api import request_ids
from api.caller import owner_of
from domain.gateway import CallOutcome
from domain.ids import CALL_ID, REQUEST_ID
from services.storage.api_log import ApiCallRow

WEBSOCKET: Final = "WEBSOCKET"
"""Stands for the method: of a WebSocket, which is logged at its end, and of each call made through one."""
NO_ROUTE: Final = "(none)"
"""Stands for the template of a path that no route has, and of what was refused before a route was looked for."""
CACHE_HIT: Final = "HIT"
"""The value of `cache` of an answer that was kept (`api.gateway.pieces.CacheUse`)."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SHOWN: Final = 80
_CALL_HEADER: Final = b"x-longhaul-request-id"
"""Answers of the gateway name their call by it (`api.gateway.headers.CALL_ID`)."""

ASKED: Final = "asked_model"
ERROR_CODE: Final = "error_code"
"""What routes tell, by its name in the scope's state."""


class Followed(Protocol):
    """A gateway call as its route follows it (`api.gateway.following.Following`)."""

    @property
    def call_id(self) -> str:
        """Its id."""
        ...

    @property
    def cache(self) -> str:
        """What the result cache did."""
        ...

    @property
    def outcome(self) -> CallOutcome | None:
        """How it ended, as far as that is known."""
        ...


def row(scope: Scope, at: datetime, fields: dict[str, Any]) -> ApiCallRow:
    """Return the row of a call that began at a time. `fields`: what the scope does not tell, and what overrules it."""
    told = state_of(scope)
    known: dict[str, Any] = {"error_code": told.get(ERROR_CODE), "model": told.get(ASKED), **fields}
    return ApiCallRow(
        at=at,
        request_id=request_ids.id_of(scope) or request_ids.give(scope),
        owner=owner_of(scope),
        method=method_of(scope),
        route=route_of(scope),
        **known,
    )


def facts_of(followed: Followed | None) -> dict[str, Any]:
    """Return what a row tells of a gateway call. An answer from the cache has cost nothing."""
    if followed is None:
        return {}
    facts: dict[str, Any] = {"call_id": followed.call_id, "cache": str(followed.cache)}
    outcome = followed.outcome
    if outcome is None:
        return facts
    routing, usage = outcome.routing, outcome.usage
    facts |= {
        "provider": routing.provider or None,
        "account": routing.account or None,
        "deployment": routing.deployment or None,
        "attempts": len(routing.tries),
        "first_token_ms": None if outcome.first_token_ms is None else bounded(outcome.first_token_ms),
        "input_tokens": bounded(usage.input_tokens),
        "cached_tokens": bounded(usage.cached_tokens),
        "output_tokens": bounded(usage.output_tokens),
        "cost_micros": 0 if followed.cache == CACHE_HIT else outcome.cost_micros,
        "details": _details(outcome),
    }
    if routing.model:
        facts["model"] = routing.model
    return facts if outcome.error is None else facts | {"error_code": outcome.error.code}


def _details(outcome: CallOutcome) -> dict[str, Any]:
    """Return what is shown of a gateway call and not searched."""
    return {
        "phase": outcome.phase,
        "finish_reason": None if outcome.finish_reason is None else outcome.finish_reason[:_SHOWN],
        "waited_ms": outcome.waited_ms,
        "upstream_ms": outcome.upstream_ms,
        "total_ms": outcome.total_ms,
        "estimated": outcome.usage.estimated,
        "simulated": outcome.routing.simulated,
        "tries": [each.model_dump() for each in outcome.routing.tries],
    }


def method_of(scope: Scope) -> str:
    """Return the method; of those that callers make up, one name for all."""
    if scope["type"] == "websocket":
        return WEBSOCKET
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def route_of(scope: Scope) -> str:
    """Return the template of the route that was found."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path or NO_ROUTE


def named_call(start: Message) -> str | None:
    """Return the call that an answer names."""
    for name, value in start.get("headers", ()):
        if name.lower() == _CALL_HEADER:
            return str(value, "latin-1")
    return None


def target_of(scope: Scope) -> str | None:
    """Return the request or call that the path names."""
    named = scope.get("path_params", {})
    target = named.get("request_id") or named.get("call_id")
    return target if isinstance(target, str) and (REQUEST_ID.match(target) or CALL_ID.match(target)) else None


def state_of(scope: Scope) -> dict[str, Any]:
    """Return the scope's state, which all that serve a call share."""
    state: dict[str, Any] = scope.setdefault("state", {})
    return state


def bounded(number: float) -> int:
    """Return what a column holds: providers tell any number of tokens."""
    return min(max(round(number), 0), 2**31 - 1)
