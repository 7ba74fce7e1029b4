"""Signing in at a provider: where the browser is sent, and what is made of what it comes back with."""

import base64
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from domain.errors import NotFound, Unavailable
from services.identity.log_ins import Granted, LogIns, Newcomer
from services.identity.oidc import desk, states, wire
from services.identity.oidc.desk import Stored
from services.identity.oidc.errors import Reason, SignInFailed
from services.identity.oidc.id_tokens import Expected, judged
from services.identity.oidc.known import KnownProviders
from services.identity.oidc.people import found_or_made
from services.identity.oidc.provider import ClientAuth
from services.identity.oidc.states import Kept
from services.identity.session_rows import Client
from services.storage.audit import Act, By, record
from services.storage.database import Database
from services.vault.errors import VaultError
from services.vault.vault import Vault

OPENID: Final = "openid"
_LONGEST_CODE = 4096

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Leaving:
    """Where a browser goes to sign in, the cookie by which it is known again, and where it comes back to."""

    url: str = field(repr=False)
    cookie: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True)
class Return:
    """What a browser came back with: a code or an `error`, and the issuer if the provider tells it (RFC 9207)."""

    state: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    iss: str | None = None
    cookie: str | None = field(default=None, repr=False)


class OidcSignIns:
    """Sign-ins at OpenID providers. One a process.

    Args:
        db: The database.
        vault: Opens client secrets, seals what a sign-in must fit.
        log_ins: Begins sessions.
        now: The clock, Unix time in seconds.
    """

    def __init__(self, db: Database, vault: Vault, log_ins: LogIns, now: Callable[[], float] = time.time) -> None:
        self._db = db
        self._vault = vault
        self._log_ins = log_ins
        self._now = now
        self._known = KnownProviders()

    async def leave(self, provider_id: str, callback: str) -> Leaving:
        """Begin a sign-in.

        Args:
            provider_id: Where.
            callback: This API's own URL for coming back, unless the provider's configuration has one.

        Raises:
            NotFound: There is no such provider, or it is out of use.
            SignInFailed: Its metadata is not as it should be.
            Unavailable: It or the database does not answer, or too many sign in.
        """
        provider = await self._provider(provider_id)
        metadata = await self._known.metadata(provider)
        begun = await states.begin(self._db, self._vault, provider.id, provider.spec.redirect_uri or callback)
        query = {
            "response_type": "code",
            "client_id": provider.spec.client_id,
            "redirect_uri": begun.kept.redirect_uri,
            "scope": " ".join(dict.fromkeys((OPENID, *provider.spec.scopes))),
            "state": begun.state,
            "nonce": begun.kept.nonce,
            "code_challenge": _base64url(states.challenge(begun.kept.verifier)),
            "code_challenge_method": "S256",
        }
        there = metadata.authorization_endpoint
        url = f"{there}{'&' if '?' in there else '?'}{urlencode(query)}"
        return Leaving(url, begun.cookie, begun.kept.redirect_uri)

    async def come_back(self, provider_id: str, back: Return, client: Client) -> Granted:
        """Finish a sign-in.

        Raises:
            NotFound: There is no such provider, or it is out of use.
            SignInFailed: The state, the browser, the code or the ID token is not right, or nobody is meant by it.
            Unavailable: The provider or the database does not answer.
        """
        provider = await self._provider(provider_id)
        try:
            kept = await states.take(self._db, self._vault, provider.id, back.state, back.cookie)
            claims = await self._claims(provider, back, kept)
            return await self._granted(provider, claims, client)
        except SignInFailed as failure:
            _log.warning("a sign-in at %s failed: %s", provider.id, failure.reason.value)
            if failure.reason is not Reason.UNKNOWN_STATE:  # which anybody can make up, as often as they like
                by = By("nobody", "nobody", provider.tenant, address=client.address)
                details = {"reason": failure.reason.value}
                await record(self._db, by, Act("login.refused", desk.KIND, provider.id, details))
            raise

    async def _provider(self, provider_id: str) -> Stored:
        provider = await desk.stored(self._db, provider_id)
        if provider is None or provider.disabled:
            raise NotFound("there is no such OpenID provider")
        return provider

    async def _claims(self, provider: Stored, back: Return, kept: Kept) -> dict[str, Any]:
        metadata = await self._known.metadata(provider)
        if back.iss != provider.spec.issuer and (back.iss is not None or metadata.names_issuer):
            raise SignInFailed(Reason.OTHER_ISSUER)
        if back.error is not None or not back.code or len(back.code) > _LONGEST_CODE:
            raise SignInFailed(Reason.DENIED)
        form = self._form(provider, back.code, kept)
        answer = await wire.post_form(metadata.token_endpoint, form, allow_private=provider.spec.allow_private)
        expected = Expected(provider.spec.issuer, provider.spec.client_id, kept.nonce, self._now())
        try:
            return judged(answer.get("id_token"), await self._known.keys(provider), expected)
        except SignInFailed as failure:
            if failure.reason is not Reason.UNKNOWN_KEY:
                raise
        return judged(answer.get("id_token"), await self._known.keys(provider, newer=True), expected)

    def _form(self, provider: Stored, code: str, kept: Kept) -> wire.Form:
        spec, basic = provider.spec, None
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": kept.redirect_uri,
            "code_verifier": kept.verifier,
        }
        if spec.client_auth is ClientAuth.BASIC:
            basic = (spec.client_id, self._secret(provider))
        else:
            fields["client_id"] = spec.client_id
        if spec.client_auth is ClientAuth.POST:
            fields["client_secret"] = self._secret(provider)
        return wire.Form(fields, basic)

    def _secret(self, provider: Stored) -> str:
        try:
            return self._vault.open(provider.secret or b"", bound_to=desk.bound_to(provider.id)).decode()
        except VaultError:
            _log.warning("the client secret of the OpenID provider %s cannot be opened", provider.id)
            raise Unavailable("the OpenID provider cannot be asked for now") from None

    async def _granted(self, provider: Stored, claims: dict[str, Any], client: Client) -> Granted:
        token = await self._log_ins.fresh()
        async with self._db.transaction() as tx:
            if not await desk.hold(tx, provider):
                raise SignInFailed(Reason.DISABLED)
            user_id = await found_or_made(tx, provider, claims, client.address)
            who = Newcomer(user_id, provider.tenant, desk.method(provider.id))
            session_id = await self._log_ins.begin(tx, who, client, token)
        return await self._log_ins.granted(user_id, session_id, token.token)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
