"""Who is registered, which codes and tokens are good, and a log of what was granted."""

import secrets
import time
from dataclasses import dataclass, field

from simulators.oauth_server.settings import Behaviour


@dataclass(slots=True)
class Client:
    """A registered client; a public one has no secret."""

    id: str
    secret: str | None
    redirect_uris: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: good once."""

    client_id: str
    redirect_uri: str
    challenge: str
    scope: str
    resource: str


@dataclass(slots=True)
class SignIn:
    """What one authorization led to; tokens made from it end with it."""

    client_id: str
    scope: str
    resource: str
    ended: bool = False


@dataclass(slots=True)
class Token:
    """An access or refresh token."""

    sign_in: SignIn
    expires_at: float | None = None
    used: bool = False


@dataclass(slots=True)
class Entry:
    """A line of the log: `what` happened, with `detail`; never a token."""

    what: str
    detail: str


@dataclass(slots=True)
class Book:
    """All state of one server."""

    clients: dict[str, Client] = field(default_factory=dict[str, Client])
    codes: dict[str, Code] = field(default_factory=dict[str, Code])
    access: dict[str, Token] = field(default_factory=dict[str, Token])
    refresh: dict[str, Token] = field(default_factory=dict[str, Token])
    log: list[Entry] = field(default_factory=list[Entry])
    behaviour: Behaviour = field(default_factory=Behaviour)

    def note(self, what: str, detail: str = "") -> None:
        """Log that something happened."""
        self.log.append(Entry(what, detail))

    def grant(self, sign_in: SignIn, *, refresh: bool) -> dict[str, object]:
        """Make tokens; returns the body of the token response."""
        behaviour = self.behaviour
        access = f"access-{secrets.token_urlsafe(16)}"
        lifetime = behaviour.expires_in
        self.access[access] = Token(sign_in, None if lifetime is None else time.time() + lifetime)
        body: dict[str, object] = {"access_token": access, "token_type": "Bearer", "scope": sign_in.scope}
        if lifetime is not None:
            body["expires_in"] = lifetime
        if refresh and behaviour.refresh_tokens:
            body["refresh_token"] = f"refresh-{secrets.token_urlsafe(16)}"
            self.refresh[str(body["refresh_token"])] = Token(sign_in)
        return body

    def lets_in(self, access: str) -> bool:
        """Whether an access token is good now."""
        token = self.access.get(access)
        return (
            token is not None
            and not token.sign_in.ended
            and (token.expires_at is None or token.expires_at > time.time())
        )

    def expire(self) -> None:
        """End all access tokens; refresh tokens stay good."""
        self.access.clear()

    def revoke(self) -> None:
        """End all sign-ins."""
        for token in (*self.access.values(), *self.refresh.values()):
            token.sign_in.ended = True
