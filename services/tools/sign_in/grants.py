"""How tokens for one server are come by: OAuth's grant types, each over the SDK's provider for it."""

import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.auth.utils import union_scopes
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthMetadata
from mcp.shared.exceptions import MCPDeprecationWarning
from pydantic import AnyUrl

from domain.errors import ToolAuthNeeded
from domain.tool_server import AuthorizationCode, ClientCredentials, Http
from services.tools.sign_in.oauth_flow import Memory, SignInRefused, check_scheme, refresh, sign_in
from services.tools.sign_in.tokens import Credentials, SignInAnswer, Stored

OnUrl = Callable[[str, str], Awaitable[None]]
"""Takes a sign-in's `state`, and the URL that a person must open."""
WaitCode = Callable[[str], Awaitable[SignInAnswer]]
"""Waits for what the browser brings back with a `state`."""

_Method = Literal["client_secret_basic", "client_secret_post"]
_BASIC: _Method = "client_secret_basic"
_POST: _Method = "client_secret_post"
_EXPIRED = 1.0
_ERROR_CODE = re.compile(r"^[a-z_]{1,40}\Z")


class Grant(ABC):
    """A grant type, for one server."""

    def __init__(self, reach: Http) -> None:
        self.reach = reach

    def fits(self, stored: Stored) -> bool:
        """Whether stored tokens are for the server as it is configured now; others are never sent to it."""
        return stored.credentials.server_url == self.reach.url and self._is_client(stored.credentials.client_info)

    @abstractmethod
    async def renewed(self, stored: Stored | None) -> Credentials:
        """Return new tokens, given those of before, if there are any that fit.

        Raises:
            ToolAuthNeeded: It takes a person, or the server refuses.
            ToolUnavailable: The authorization server does not answer.
        """

    @abstractmethod
    def _is_client(self, client_info: OAuthClientInformationFull) -> bool:
        """Whether tokens of this client are ours."""

    def _credentials(self, provider: OAuthClientProvider, client_info: OAuthClientInformationFull) -> Credentials:
        """Return what a provider has after its flow, with what a refresh elsewhere needs."""
        context = provider.context
        if context.current_tokens is None:
            raise ToolAuthNeeded("signing in to the server gave no tokens")
        return Credentials(
            server_url=self.reach.url,
            tokens=context.current_tokens,
            client_info=client_info,
            metadata=context.oauth_metadata,
            resource=context.protected_resource_metadata,
        )


class ByCode(Grant):
    """Authorization code with PKCE: a person signs in; then tokens are refreshed without one."""

    def __init__(self, reach: Http, auth: AuthorizationCode, redirect_uri: str) -> None:
        super().__init__(reach)
        self._auth = auth
        self._redirect_uri = redirect_uri

    async def renewed(self, stored: Stored | None) -> Credentials:
        """Refresh."""
        if stored is None or stored.credentials.tokens.refresh_token is None:
            raise ToolAuthNeeded("somebody must sign in to the server")
        before = stored.credentials
        memory = Memory(before.tokens, before.client_info)
        provider = OAuthClientProvider(self.reach.url, self._client_metadata(), memory)
        provider.context.oauth_metadata = before.metadata
        provider.context.protected_resource_metadata = before.resource
        provider.context.token_expiry_time = _EXPIRED
        await refresh(provider, memory, self.reach)
        return self._credentials(provider, before.client_info)

    async def signed_in(self, before: Stored | None, on_url: OnUrl, wait_code: WaitCode) -> Credentials:
        """Let a person sign in. A client that is not configured registers itself, anew each time.

        Args:
            before: The tokens so far; when they gave too few rights, more are asked for.
            on_url: Shows the person where to go.
            wait_code: Waits for the person.

        Raises:
            ToolAuthNeeded: The server or the person refused.
            ToolUnavailable: A server on the way does not answer.
            ToolRefused: A server on the way is where we do not connect to.
            ToolAnswerInvalid: An answer breaks the protocol.
        """
        state = ""

        async def show(url: str) -> None:
            nonlocal state
            check_scheme(url, self.reach)
            self._choose_method(provider)
            state = parse_qs(urlsplit(url).query).get("state", [""])[-1]
            await on_url(state, url)

        async def wait() -> AuthorizationCodeResult:
            answer = await wait_code(state)
            if answer.error is not None:
                raise SignInRefused(answer.error if _ERROR_CODE.match(answer.error) else "error")
            return AuthorizationCodeResult(code=answer.code, state=answer.state, iss=answer.iss)

        memory = Memory(client_info=self._configured())
        provider = OAuthClientProvider(self.reach.url, self._client_metadata(), memory, show, wait)
        await sign_in(provider, memory, self.reach, self._scope(before))
        if memory.client_info is None:
            raise ToolAuthNeeded("signing in to the server gave no client")
        return self._credentials(provider, memory.client_info)

    def _is_client(self, client_info: OAuthClientInformationFull) -> bool:
        return self._auth.client_id in {None, client_info.client_id}

    def _client_metadata(self) -> OAuthClientMetadata:
        return OAuthClientMetadata(
            client_name="Longhaul",
            redirect_uris=[AnyUrl(self._redirect_uri)],
            scope=self._auth.scope,
            application_type="native" if _is_this_machine(urlsplit(self._redirect_uri).hostname) else "web",
        )

    def _scope(self, before: Stored | None) -> str | None:
        if before is None or before.credentials.wanted_scope is None:
            return self._auth.scope
        granted = union_scopes(self._auth.scope, before.credentials.tokens.scope)
        return union_scopes(granted, before.credentials.wanted_scope)

    def _configured(self) -> OAuthClientInformationFull | None:
        if self._auth.client_id is None:
            return None
        return OAuthClientInformationFull(
            client_id=self._auth.client_id,
            client_secret=self._auth.client_secret,
            redirect_uris=[AnyUrl(self._redirect_uri)],
            token_endpoint_auth_method=_BASIC if self._auth.client_secret else "none",
        )

    def _choose_method(self, provider: OAuthClientProvider) -> None:
        """Show a configured secret as the authorization server wants it, which is known by now."""
        client_info, metadata = provider.context.client_info, provider.context.oauth_metadata
        if client_info is not None and self._auth.client_secret is not None and _only_post(metadata):
            client_info.token_endpoint_auth_method = _POST


class ByClientCredentials(Grant):
    """Client credentials: the installation signs in by itself.

    The secret goes to the authorization server that the tool server names at first; from then on to no other.
    """

    def __init__(self, reach: Http, auth: ClientCredentials) -> None:
        super().__init__(reach)
        self._auth = auth

    async def renewed(self, stored: Stored | None) -> Credentials:
        """Ask for other tokens."""
        metadata = None if stored is None else stored.credentials.metadata
        issuer = self._auth.issuer or (None if metadata is None else str(metadata.issuer))
        provider, memory = self._provider(_POST if _only_post(metadata) else _BASIC, issuer)
        try:
            await sign_in(provider, memory, self.reach, self._auth.scope)
        except SignInRefused:
            if not _only_post(provider.context.oauth_metadata) or _only_post(metadata):
                raise
            provider, memory = self._provider(_POST, issuer)
            await sign_in(provider, memory, self.reach, self._auth.scope)
        return self._credentials(provider, self._client_info())

    def _provider(self, method: _Method, issuer: str | None) -> tuple[ClientCredentialsOAuthProvider, Memory]:
        memory = Memory()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)  # the first time nobody knows the issuer
            provider = ClientCredentialsOAuthProvider(
                self.reach.url,
                memory,
                self._auth.client_id,
                self._auth.client_secret,
                token_endpoint_auth_method=method,
                scope=self._auth.scope,
                issuer=issuer,
            )
        return provider, memory

    def _client_info(self) -> OAuthClientInformationFull:
        return OAuthClientInformationFull(client_id=self._auth.client_id, client_secret=self._auth.client_secret)

    def _is_client(self, client_info: OAuthClientInformationFull) -> bool:
        return client_info == self._client_info()


def _only_post(metadata: OAuthMetadata | None) -> bool:
    methods = (metadata.token_endpoint_auth_methods_supported if metadata else None) or []
    return _POST in methods and _BASIC not in methods


def _is_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
