"""Web pages of foreign origins may not call the API; those of this machine and those that a setting names may.

What keeps strangers out is the key. This keeps a page that somebody happens to look at from trying, and lets the pages
that are meant read the answers (CORS).
"""

import ipaddress
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.gateway.envelopes import answer
from api.problems import ApiProblem

_NAMES: Final = frozenset({"localhost", "localhost."})
_LOOPBACK: Final = r"https?://(localhost\.?|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?"
_SHOWN: Final = (
    *("Location", "ETag", "Retry-After", "Retry-After-Ms", "X-Request-Id", "X-Longhaul-Request-Id"),
    *("X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"),
    *("X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"),
)
"""Headers that pages may read."""


class Origins:
    """ASGI middleware that answers 403 to pages of other origins."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        """Wrap `app`. `allowed`: origins as `https://host` or `https://host:port`."""
        self._allowed = frozenset(allowed)
        self._plain = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=tuple(self._allowed),
            allow_origin_regex=_LOOPBACK,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=_SHOWN,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        origin = Headers(scope=scope).get("origin") if scope["type"] in {"http", "websocket"} else None
        if origin is None:
            await self._plain(scope, receive, send)
        elif origin in self._allowed or is_loopback(_host(origin)):
            await self._shared(scope, receive, send)
        else:
            problem = ApiProblem(403, "origin_not_allowed", "web pages of this origin may not call this API")
            await answer(scope, problem)(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host.lower() in _NAMES:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
