"""What puts a token on requests to a tool server: the `auth` of its HTTP client."""

import re
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta

import httpx2
from mcp.client.auth.utils import extract_field_from_www_auth, extract_scope_from_www_auth

from domain.errors import ToolAuthNeeded, ToolUnavailable
from services.tools.sign_in.grants import Grant
from services.tools.sign_in.renewal import Renewals
from services.tools.sign_in.tokens import Holder, Stored

HOLD_OFF = timedelta(seconds=10)
"""After a renewal that failed, a token that is still good is used so long before the next try."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e ]{1,1000}\Z")
_UNAUTHORIZED, _FORBIDDEN = 401, 403


class StaticToken(httpx2.Auth):
    """A fixed token."""

    def __init__(self, url: str, token: str) -> None:
        self._origin = _origin(httpx2.URL(url))
        self._token = token

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request with the token; without, if it goes elsewhere."""
        if _origin(request.url) == self._origin:
            _authorize(request, self._token)
        yield request


class StoredToken(httpx2.Auth):
    """A token that is stored, renewed ahead of its end, and once when the server does not accept it.

    No lock is held while the server works, so requests run side by side.
    """

    def __init__(self, renewals: Renewals, grant: Grant, holder: Holder) -> None:
        self._renewals = renewals
        self._grant = grant
        self._holder = holder
        self._origin = _origin(httpx2.URL(grant.reach.url))
        self._stored: Stored | None = None
        self._hold_off_until: datetime | None = None

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send the request with the token; again, with another, when it is answered by 401.

        Raises:
            ToolAuthNeeded: Somebody must sign in.
            ToolUnavailable: The token must be renewed, and the authorization server does not answer.
            Unavailable: The database does not answer.
        """
        if _origin(request.url) != self._origin:
            yield request
            return
        stored = self._stored = await self._good()
        _authorize(request, stored.access_token)
        response = yield request
        if response.status_code == _UNAUTHORIZED:
            stored = self._stored = await self._renewals.renew(self._grant, self._holder, stored)
            _authorize(request, stored.access_token)
            response = yield request
        if response.status_code == _UNAUTHORIZED:
            raise ToolAuthNeeded("the server does not accept the sign-in")
        if _wants_more(response):
            await self._renewals.want(self._grant, self._holder, stored, _wanted_scope(response))
            raise ToolAuthNeeded("the server wants a sign-in with more rights")

    async def _good(self) -> Stored:
        """Return a token that is good by the clock."""
        stored = self._stored or await self._renewals.load(self._grant, self._holder)
        if stored is not None and not (self._renewals.is_due(stored) and self._may_try()):
            return stored
        try:
            return await self._renewals.renew(self._grant, self._holder, stored)
        except ToolUnavailable:
            if stored is None or self._renewals.is_over(stored):
                raise
            self._hold_off_until = self._renewals.now() + HOLD_OFF
            return stored

    def _may_try(self) -> bool:
        return self._hold_off_until is None or self._renewals.now() >= self._hold_off_until


def _wants_more(response: httpx2.Response) -> bool:
    return response.status_code == _FORBIDDEN and extract_field_from_www_auth(response, "error") == "insufficient_scope"


def _wanted_scope(response: httpx2.Response) -> str:
    """Return the scope of a challenge; "" if it names none that can be spelled in a request."""
    scope = extract_scope_from_www_auth(response) or ""
    return scope if _SCOPE.match(scope) else ""


def _authorize(request: httpx2.Request, token: str) -> None:
    request.headers["Authorization"] = f"Bearer {token}"


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
