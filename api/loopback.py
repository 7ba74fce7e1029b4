"""Until there are users, only this machine may call: the client's address, its Host and its Origin are loopback.

The Host check defeats DNS rebinding (a web page whose name is made to point here), the Origin check defeats web pages
that post to a local port.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.gateway.envelopes import answer
from api.problems import ApiProblem

_NAMES = frozenset({"localhost", "localhost."})


class LoopbackOnly:
    """ASGI middleware that answers 403 to everybody else."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        refusal = _refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await answer(scope, refusal)(scope, receive, send)


def _refusal(scope: Scope) -> ApiProblem | None:
    headers = Headers(scope=scope)
    client = scope.get("client")
    if client is not None and not is_loopback(client[0]):
        return ApiProblem(403, "client_not_local", "this API serves its own machine only")
    if not is_loopback(_host(f"//{headers.get('host', '')}")):
        return ApiProblem(403, "host_not_local", "the Host header must be localhost or a loopback address")
    origin = headers.get("origin")
    if origin is not None and not is_loopback(_host(origin)):
        return ApiProblem(403, "origin_not_local", "web pages of other origins may not call this API")
    return None


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
