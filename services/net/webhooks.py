"""Sending webhooks: one signed POST, only to where it is allowed, and only so long.

Nothing of the answer but its status and Retry-After is read. Redirects are not followed, cookies are not kept, and
nothing is retried here.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx2

from domain.webhook_signature import Secrets
from services.net.guard import AddressRefused, guarded_transport

USER_AGENT = "Longhaul-Webhooks/1"
NO_SECRET = "no_secret"  # noqa: S105  the code of an error
REFUSED = AddressRefused.code

_SECONDS = re.compile(r"[0-9]{1,9}\Z")
_HEADERS = {"content-type": "application/json", "user-agent": USER_AGENT, "accept-encoding": "identity"}


@dataclass(frozen=True)
class Receipt:
    """What came of a sending: the answer's HTTP status, or why there is none.

    Attributes:
        error: `address_refused`, `timeout`, `connection_failed`, `no_secret`; None when there was an answer.
        retry_after_s: The receiver's own advice, as it came.
    """

    status: int | None = None
    error: str | None = None
    retry_after_s: float | None = None


class WebhookSender:
    """Sends webhooks; `async with` it. Without secrets nothing is ever sent.

    `allow_private`: whether private addresses may be reached; it may be changed at any time.
    """

    def __init__(self, secrets: Secrets | None, *, allow_private: bool, timeout_s: float) -> None:
        """Take what to sign with, whether private addresses may be reached, and the bound on one sending."""
        self._secrets = secrets
        self._timeout_s = timeout_s
        self.allow_private = allow_private
        self._transports = {private: guarded_transport(allow_private=private) for private in (False, True)}

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.aclose()

    async def send(self, url: str, message_id: str, body: bytes) -> Receipt:
        """Send a message once. `message_id` is the same each time the message is sent."""
        if self._secrets is None:
            return Receipt(error=NO_SECRET)
        signed = self._secrets.headers(message_id, int(time.time()), body)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, {**signed, **_HEADERS}, body)
        except AddressRefused:
            return Receipt(error=REFUSED)
        except (TimeoutError, httpx2.TimeoutException):
            return Receipt(error="timeout")
        except (httpx2.TransportError, httpx2.InvalidURL):
            return Receipt(error="connection_failed")

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> Receipt:
        bounds = {"timeout": httpx2.Timeout(self._timeout_s).as_dict()}
        request = httpx2.Request("POST", url, headers=headers, content=body, extensions=bounds)
        response = await self._transports[self.allow_private].handle_async_request(request)
        try:
            return Receipt(response.status_code, retry_after_s=_seconds(response.headers.get("retry-after")))
        finally:
            await response.aclose()


def _seconds(text: str | None) -> float | None:
    """Return what Retry-After says in seconds; its other form, a date, is not read."""
    return float(text) if text is not None and _SECONDS.match(text) else None
