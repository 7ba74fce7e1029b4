"""What is known of providers: their metadata and keys, asked for at need and remembered for an hour.

One question at a time for each provider; one that did not answer is left alone for some seconds, and new keys are asked
for at most each few seconds, so that nobody can have us hammer a provider.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, cast

from domain.errors import Unavailable
from services.identity.oidc import wire
from services.identity.oidc.desk import Stored
from services.identity.oidc.errors import Reason, SignInFailed
from services.identity.oidc.id_tokens import MOST_KEYS
from services.identity.oidc.provider import is_reached_safely, plain_url

KNOWN_S: Final = 3600.0
PAUSE_S: Final = 5.0
AT_MOST: Final = 100
DISCOVERY: Final = "/.well-known/openid-configuration"

_LONGEST_URL = 2000


@dataclass(frozen=True)
class Metadata:
    """Where a provider's endpoints are (OpenID Connect Discovery 1.0). `names_issuer`: as RFC 9207 says."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_issuer: bool


@dataclass
class _Entry:
    """What is known of one revision of a provider."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    metadata: Metadata | None = None
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked_at: float = float("-inf")
    keys_asked_at: float = float("-inf")
    failure: Reason | None = None
    silent: bool = False


class KnownProviders:
    """The memory. One a process; at most `AT_MOST` providers, the least used are forgotten."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[tuple[str, int], _Entry] = OrderedDict()

    async def metadata(self, provider: Stored) -> Metadata:
        """Return a provider's metadata.

        Raises:
            Unavailable: It does not answer.
            SignInFailed: Its metadata is not as it should be.
        """
        entry = self._entry(provider)
        async with entry.lock:
            return await self._metadata(entry, provider)

    async def keys(self, provider: Stored, *, newer: bool = False) -> list[dict[str, Any]]:
        """Return a provider's public keys.

        Args:
            provider: The provider.
            newer: Those that are known will not do; ask again, unless that was just done.

        Raises:
            Unavailable: It does not answer.
            SignInFailed: Its keys are not as they should be.
        """
        entry = self._entry(provider)
        async with entry.lock:
            metadata = await self._metadata(entry, provider)
            age = self._clock() - entry.keys_asked_at
            if age > (PAUSE_S if newer else KNOWN_S):
                entry.keys_asked_at = self._clock()
                answer = await wire.get_json(metadata.jwks_uri, allow_private=provider.spec.allow_private)
                entry.keys = _keys(answer)
            return entry.keys

    def _entry(self, provider: Stored) -> _Entry:
        name = (provider.id, provider.revision)
        entry = self._entries.setdefault(name, _Entry())
        self._entries.move_to_end(name)
        while len(self._entries) > AT_MOST:
            self._entries.popitem(last=False)
        return entry

    async def _metadata(self, entry: _Entry, provider: Stored) -> Metadata:
        age = self._clock() - entry.asked_at
        if entry.silent and age <= PAUSE_S:
            raise Unavailable("the OpenID provider did not answer just now", PAUSE_S)
        if entry.failure is not None and age <= PAUSE_S:
            raise SignInFailed(entry.failure)
        if entry.metadata is None or age > KNOWN_S:
            await self._discover(entry, provider)
        if entry.metadata is None:
            raise SignInFailed(Reason.BAD_METADATA)
        return entry.metadata

    async def _discover(self, entry: _Entry, provider: Stored) -> None:
        entry.asked_at, entry.failure, entry.silent = self._clock(), None, False
        try:
            entry.metadata = await _discovered(provider)
        except SignInFailed as error:
            entry.metadata, entry.failure = None, error.reason
            raise
        except Unavailable:
            entry.silent = True
            raise


async def _discovered(provider: Stored) -> Metadata:
    spec = provider.spec
    found = await wire.get_json(spec.issuer.rstrip("/") + DISCOVERY, allow_private=spec.allow_private)
    if found.get("issuer") != spec.issuer:
        raise SignInFailed(Reason.OTHER_ISSUER)
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    authorize, token, keys = (_endpoint(found.get(name), allow_private=spec.allow_private) for name in names)
    return Metadata(authorize, token, keys, found.get("authorization_response_iss_parameter_supported") is True)


def _endpoint(value: object, *, allow_private: bool) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_URL or not value.isascii() or not value.isprintable():
        raise SignInFailed(Reason.BAD_METADATA)
    try:
        plain_url(value.partition("?")[0])
    except ValueError:
        raise SignInFailed(Reason.BAD_METADATA) from None
    if " " in value or "#" in value or not is_reached_safely(value, allow_private=allow_private):
        raise SignInFailed(Reason.BAD_METADATA)
    return value


def _keys(answer: dict[str, Any]) -> list[dict[str, Any]]:
    keys = answer.get("keys")
    if not isinstance(keys, list):
        raise SignInFailed(Reason.BAD_METADATA)
    listed = cast("list[object]", keys)[:MOST_KEYS]
    return [cast("dict[str, Any]", key) for key in listed if isinstance(key, dict)]
