"""Where a job's end may be told, what is told, and what an answer from there means."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit

from domain.errors import InvalidInput
from domain.gateway import CallOutcome
from domain.value import Value

URL_LIMIT = 2000
CALL_FINISHED = "call.finished"
"""The type of the one event that is told."""

KEEP_TRYING = timedelta(hours=24)
"""How long after a job's end its webhook is tried."""

LONGEST_PAUSE = timedelta(hours=1)
"""The longest pause between two tries."""

ANSWER_LIMIT = 1024 * 1024
"""Bytes of JSON up to which an answer is told; a longer one is left out, and the webhook says so."""

_GONE = 410


class DeliveryState(StrEnum):
    """What became of telling a job's end."""

    WAITING = "waiting"
    """It has not been tried yet: the job has not ended, or has just."""
    RETRYING = "retrying"
    """The last try failed, another comes."""
    DELIVERED = "delivered"
    """The receiver took it: an answer from 200 to 299."""
    GONE = "gone"
    """The receiver said 410: it wants no more."""
    REFUSED = "refused"
    """The URL leads to an address that is not connected to."""
    GIVEN_UP = "given_up"
    """It was tried for a day."""


class Delivery(Value):
    """How far the telling is. `status`: the HTTP status of the last answer; `error`: why there was none, a code."""

    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    status: int | None = None
    error: str | None = None
    tried_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether no other try comes."""
        return self.state not in (DeliveryState.WAITING, DeliveryState.RETRYING)


def check_url(url: str, *, allow_http: bool = False) -> None:
    """Refuse a URL that no webhook is sent to, as far as the text shows it.

    Args:
        url: As it was given.
        allow_http: Whether the way may be open to readers: within a private network it may.

    Raises:
        InvalidInput: It is no URL, has no host, another scheme, a user's name or password, or a strange character.
    """
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput(f"a webhook's URL has at most {URL_LIMIT} printable ASCII characters, and no space")
    parts = _split(url)
    if parts.scheme not in ("https", "http"):
        raise InvalidInput("a webhook's URL begins with https://")
    if parts.scheme == "http" and not allow_http:
        raise InvalidInput(
            "a webhook's URL begins with https://; http:// is for private networks, where they are allowed"
        )
    if not parts.hostname:
        raise InvalidInput("a webhook's URL names a host")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("a webhook's URL holds no user name and no password")


def host_of(url: str) -> str:
    """Return the host that a URL names, which `check_url` has passed."""
    return _split(url).hostname or ""


def state_after(status: int | None, since_end: timedelta) -> DeliveryState:
    """Say what a try means.

    Args:
        status: The answer's HTTP status, None when there was none in time. Redirects are not followed.
        since_end: How long ago the job ended.
    """
    if status is not None and status // 100 == 2:  # noqa: PLR2004  the class of success
        return DeliveryState.DELIVERED
    if status == _GONE:
        return DeliveryState.GONE
    if since_end + LONGEST_PAUSE > KEEP_TRYING:
        return DeliveryState.GIVEN_UP
    return DeliveryState.RETRYING


def pause_after(retry_after_s: float | None) -> timedelta | None:
    """Return how long to wait when the receiver said so; None: it did not, or nothing sensible."""
    if retry_after_s is None or not 0 < retry_after_s < float("inf"):
        return None
    return timedelta(seconds=min(retry_after_s, LONGEST_PAUSE.total_seconds()))


def told(call_id: str, model: str, outcome: CallOutcome, finished_at: datetime, url: str) -> dict[str, Any]:
    """Return what a webhook says of a call that has ended, without its answer. `url`: where the whole call is read."""
    return {
        "type": CALL_FINISHED,
        "timestamp": finished_at.isoformat(),
        "data": {
            "id": call_id,
            "status": outcome.phase,
            "model": model,
            "finish_reason": outcome.finish_reason,
            "refused": outcome.refused,
            "usage": outcome.usage.model_dump(),
            "cost_micros": outcome.cost_micros,
            "error": None if outcome.error is None else outcome.error.model_dump(exclude_none=True),
            "simulated": outcome.routing.simulated,
            "url": url,
        },
    }


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidInput("a webhook's URL cannot be read") from None
    return parts
