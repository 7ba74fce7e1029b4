"""Asking a provider: through the guard of `services.net`, bounded in time and size, without following redirects."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import quote_plus

import httpx2

from domain.errors import Unavailable
from services.identity.oidc.errors import Reason, SignInFailed
from services.identity.oidc.provider import is_reached_safely
from services.net.guard import AddressRefused, guarded_transport

TIMEOUT_S: Final = 10.0
ANSWER_LIMIT: Final = 256 * 1024

_OK = 200
_OVERLOADED = 429
_SERVER_ERROR = 500
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "Longhaul-OIDC/1"}


@dataclass(frozen=True)
class Form:
    """What is posted to a token endpoint. `basic`: id and secret of the client for the header."""

    fields: dict[str, str] = field(repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)


async def get_json(url: str, *, allow_private: bool) -> dict[str, Any]:
    """Return the object that is at a URL.

    Raises:
        Unavailable: Nobody answers, or with trouble of their own.
        SignInFailed: The answer is another one, or the address is refused.
    """
    answer = await _exchange(httpx2.Request("GET", url, headers=_HEADERS), allow_private=allow_private)
    if answer.status_code != _OK:
        raise SignInFailed(Reason.BAD_METADATA)
    return _object(answer.content, Reason.BAD_METADATA)


async def post_form(url: str, form: Form, *, allow_private: bool) -> dict[str, Any]:
    """Return what a token endpoint answers.

    Raises:
        Unavailable: Nobody answers, or with trouble of their own.
        SignInFailed: It refuses, its answer is no object, or the address is refused.
    """
    headers = dict(_HEADERS)
    if form.basic is not None:
        headers["authorization"] = _basic(*form.basic)
    request = httpx2.Request("POST", url, data=form.fields, headers=headers)
    answer = await _exchange(request, allow_private=allow_private)
    if answer.status_code != _OK:
        raise SignInFailed(Reason.CODE_REFUSED)
    return _object(answer.content, Reason.BAD_ANSWER)


@dataclass(frozen=True)
class _Answer:
    status_code: int
    content: bytes


async def _exchange(request: httpx2.Request, *, allow_private: bool) -> _Answer:
    if not is_reached_safely(str(request.url), allow_private=allow_private):
        raise SignInFailed(Reason.ADDRESS_REFUSED)
    transport = guarded_transport(allow_private=allow_private)
    try:
        async with asyncio.timeout(TIMEOUT_S), httpx2.AsyncClient(transport=transport, timeout=TIMEOUT_S) as client:
            answer = await client.send(request, stream=True, follow_redirects=False)
            try:
                read = _Answer(answer.status_code, await _bounded(answer))
            finally:
                await answer.aclose()
    except AddressRefused:
        raise SignInFailed(Reason.ADDRESS_REFUSED) from None
    except (TimeoutError, httpx2.TransportError):
        raise Unavailable("the OpenID provider does not answer") from None
    except (httpx2.RequestError, httpx2.InvalidURL, httpx2.StreamError):
        raise SignInFailed(Reason.BAD_ANSWER) from None
    if read.status_code >= _SERVER_ERROR or read.status_code == _OVERLOADED:
        raise Unavailable("the OpenID provider does not work for now")
    return read


async def _bounded(answer: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_raw():  # as it came: we asked for no encoding, and unpack none
        body += chunk
        if len(body) > ANSWER_LIMIT:
            raise SignInFailed(Reason.BAD_ANSWER)
    return bytes(body)


def _basic(client_id: str, secret: str) -> str:
    """Return the header of RFC 6749, section 2.3.1: both parts are form-encoded first."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _object(content: bytes, otherwise: Reason) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise SignInFailed(otherwise) from None
    if not isinstance(value, dict):
        raise SignInFailed(otherwise)
    return cast("dict[str, Any]", value)
