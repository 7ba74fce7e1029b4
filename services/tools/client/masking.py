"""A server's secrets, and texts without them."""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.tool_server import BearerToken, Http, Stdio, ToolServer

SHORTEST = 4
"""Characters under which a value is no secret: masking it would only garble texts."""
SHORTEST_IN_ANSWERS = 8
SHOWN = "***"

_TELLING = re.compile(r"token|secret|passw|key|auth|credential|cookie|pat\b", re.IGNORECASE)


class Mask:
    """Replaces secrets in texts, the longest first."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = sorted(set(secrets), key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(secret) for secret in found)) if found else None

    def __call__(self, text: str) -> str:
        """Return the text without the secrets."""
        return self._pattern.sub(SHOWN, text) if self._pattern else text


def for_errors(server: ToolServer) -> Mask:
    """Return the mask for what a server or a library says of a failure: every value that an admin configured."""
    return Mask(value for _, value in _values(server) if len(value) >= SHORTEST)


def for_answers(server: ToolServer) -> Mask:
    """Return the mask for answers: only what is called like a secret, so that data is not garbled."""
    return Mask(value for name, value in _values(server) if len(value) >= SHORTEST_IN_ANSWERS and _TELLING.search(name))


def _values(server: ToolServer) -> Iterator[tuple[str, str]]:
    """Yield what is confidential in a configuration, with its name."""
    reach = server.reach
    if isinstance(reach, Stdio):
        yield from reach.env.items()
        return
    for name, value in reach.headers.items():
        yield name, value
        yield name, value.rpartition(" ")[2]  # the token of `Bearer <token>`
    yield from _in_url(reach)
    if isinstance(reach.auth, BearerToken):
        yield "token", reach.auth.token
    elif reach.auth is not None and reach.auth.client_secret:
        yield "client_secret", reach.auth.client_secret


def _in_url(reach: Http) -> Iterator[tuple[str, str]]:
    parts = urlsplit(reach.url)
    for part in (parts.username, parts.password):
        yield from (("auth", text) for text in {part or "", unquote(part or "")})
    yield from parse_qsl(parts.query)
