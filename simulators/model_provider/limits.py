"""Rate limits: what the `x-ratelimit-*` headers say, and the refusal when a bound is enforced.

Windows are fixed minutes from a bearer token's first request; requests are counted, tokens only announced.
"""

import time
from dataclasses import dataclass, field

from simulators.model_provider.errors import ApiError

_WINDOW_S = 60.0
_ANNOUNCED_REQUESTS = 100_000
_TOKENS = b"10000000"

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class _Window:
    started: float
    used: int = 0


@dataclass(slots=True)
class RateLimits:
    """Counts requests by bearer token."""

    requests_per_minute: int | None
    _windows: dict[str, _Window] = field(default_factory=dict[str, _Window])

    def count(self, key: str) -> Headers:
        """Count one request and return the headers that tell of it; see `refuse` for when it is too many."""
        now = time.monotonic()
        window = self._windows.get(key)
        if window is None or now - window.started >= _WINDOW_S:
            window = self._windows[key] = _Window(now)
        window.used += 1
        return self._headers(window, now)

    def refuse(self, key: str) -> None:
        """Raise ApiError 429 when the counted requests are more than the bound."""
        if self.requests_per_minute is not None and self._windows[key].used > self.requests_per_minute:
            raise ApiError(429, "rate limit reached for requests per minute")

    def _headers(self, window: _Window, now: float) -> Headers:
        limit = self.requests_per_minute if self.requests_per_minute is not None else _ANNOUNCED_REQUESTS
        reset = _WINDOW_S - (now - window.started)
        headers = [
            (b"x-ratelimit-limit-requests", b"%d" % limit),
            (b"x-ratelimit-remaining-requests", b"%d" % max(limit - window.used, 0)),
            (b"x-ratelimit-reset-requests", b"%.3fs" % reset),
            (b"x-ratelimit-limit-tokens", _TOKENS),
            (b"x-ratelimit-remaining-tokens", _TOKENS),
            (b"x-ratelimit-reset-tokens", b"0s"),
        ]
        if window.used > limit and self.requests_per_minute is not None:
            headers.append((b"retry-after", b"%d" % max(round(reset + 0.5), 1)))
        return headers
