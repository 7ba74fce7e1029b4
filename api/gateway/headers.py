"""The headers of gateway calls: what a client may ask by them, and what every answer tells by them."""

import re
import string
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from api.gateway.following import Following, Place
from api.gateway.pieces import CacheUse
from api.gateway.problems import GatewayProblem, refusal
from api.limit_headers import openai_headers
from domain.gateway import CallOutcome

CALL_ID: Final = "x-longhaul-request-id"
_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}\Z")
_EVENT_ID: Final = re.compile(r"(call_[0-9a-f]{32}):([1-9]\d{0,5})\.(\d{1,9})\Z")
"""Of an event: its call, the attempt, the chunk's number."""
_PRINTABLE: Final = string.punctuation.replace("%", "")


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Return the Idempotency-Key, None when there is none.

    Raises:
        GatewayProblem: 400 when it is not 1 to 255 printable ASCII characters.
    """
    key = headers.get("idempotency-key")
    if key is not None and not _KEY.match(key):
        message = "an Idempotency-Key has 1 to 255 printable ASCII characters"
        raise refusal(400, "invalid_idempotency_key", message, "Idempotency-Key")
    return key


def last_event(headers: Mapping[str, str]) -> tuple[str, Place] | None:
    """Return the call that Last-Event-ID names, and how far the client is in it; None: the header is not there.

    Raises:
        GatewayProblem: 400 when it is not the id of an event of ours.
    """
    given = headers.get("last-event-id")
    if given is None:
        return None
    found = _EVENT_ID.match(given)
    if found is None:
        raise bad_last_event_id("Last-Event-ID is not the id of an event of ours")
    return found[1], Place(int(found[2]), int(found[3]))


def bad_last_event_id(message: str) -> GatewayProblem:
    """Return the problem of a Last-Event-ID."""
    return refusal(400, "invalid_last_event_id", message, "Last-Event-ID")


def of_call(following: Following, elapsed_s: float) -> dict[str, str]:
    """Return what is known of a call: its id, what the cache did, and, when it has ended, who answered at what cost.

    Args:
        following: The call.
        elapsed_s: Seconds since the client's request came.
    """
    told = {CALL_ID: following.call_id, "x-longhaul-cache": following.cache.value, **openai_headers()}
    outcome = following.outcome
    if outcome is None:
        return told
    routing = outcome.routing
    named = {"model": quote(routing.model, safe=_PRINTABLE), "provider": routing.provider, "account": routing.account}
    named |= {"deployment": routing.deployment, "attempts": str(len(routing.tries))}
    named |= {"cost": str(cost_of(following, outcome)), "overhead-ms": str(overhead_ms(following, outcome, elapsed_s))}
    named |= {"simulated": "true" if routing.simulated else ""}
    return told | {f"x-longhaul-{name}": value for name, value in named.items() if value}


def cost_of(following: Following, outcome: CallOutcome) -> int:
    """Return what the answer costs this caller, in micro-units: a kept one nothing."""
    return 0 if following.cache is CacheUse.HIT else outcome.cost_micros


def overhead_ms(following: Following, outcome: CallOutcome, elapsed_s: float) -> float:
    """Return the milliseconds that were neither the provider's nor a wait for capacity."""
    elsewhere = outcome.upstream_ms + outcome.waited_ms if following.began_it else 0
    return round(max(elapsed_s * 1000 - elsewhere, 0), 1)
