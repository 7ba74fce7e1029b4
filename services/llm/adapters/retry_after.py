"""How long a provider asks to wait: headers of all three APIs, and Google's `RetryInfo` in an error's details."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from domain.json_fields import objects_of, text_of

RETRY_AFTER_LIMIT_S = 60.0
"""A provider that asks for more is asked again after this, or somebody else is."""

_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s\Z")


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds to wait, at most 60; None when the headers do not say or say nonsense."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _clamped(milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    return _clamped(_until(value, now) if seconds is None else seconds)


def retry_delay_s(error: Mapping[str, Any]) -> float | None:
    """Return the same from the details of an error object (google.rpc.RetryInfo: `retryDelay` such as `3.5s`)."""
    delays = [text_of(detail.get("retryDelay")) for detail in objects_of(error.get("details"))]
    found = [match for match in map(_SECONDS.match, delays) if match]
    return _clamped(float(found[0].group(1))) if found else None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _until(value: str | None, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(value or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _clamped(seconds: float | None) -> float | None:
    return min(seconds, RETRY_AFTER_LIMIT_S) if seconds is not None and seconds > 0 else None
