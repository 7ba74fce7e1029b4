"""A tool server's configuration: how an MCP server is reached, who may use it, and within which limits."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.value import Value

SERVER_ID = re.compile(r"^[a-z][a-z0-9_-]{0,39}\Z")

_Short = Annotated[str, Field(min_length=1, max_length=4096)]


class Stdio(Value):
    """A server that runs as a child process and speaks over its stdin and stdout.

    `command`: a bare name on the installation's allow-list, never a path and never through a shell. `env`: all that the
    process gets beside the few variables a program needs to start; values are kept encrypted.
    """

    transport: Literal["stdio"] = "stdio"
    command: str = Field(min_length=1, max_length=200)
    args: tuple[_Short, ...] = Field(default=(), max_length=100)
    env: dict[str, str] = Field(default={}, max_length=100)


class BearerToken(Value):
    """A fixed token for `Authorization: Bearer`."""

    type: Literal["bearer"] = "bearer"
    token: str = Field(min_length=1, max_length=8192)


class ClientCredentials(Value):
    """OAuth 2 client credentials: the installation signs in by itself.

    `issuer`: the authorization server (RFC 8414) that may have the secret; None: the one that the server names first.
    """

    type: Literal["client_credentials"] = "client_credentials"
    client_id: _Short
    client_secret: _Short
    issuer: str | None = Field(default=None, max_length=2000, pattern=r"^https?://")
    scope: str | None = Field(default=None, max_length=1000)


class AuthorizationCode(Value):
    """OAuth 2 authorization code with PKCE: a person signs in, once for all (`shared`) or each user for themselves.

    `client_id` None: the client registers itself with the server (RFC 7591).
    """

    type: Literal["authorization_code"] = "authorization_code"
    client_id: str | None = Field(default=None, max_length=4096)
    client_secret: str | None = Field(default=None, max_length=4096)
    scope: str | None = Field(default=None, max_length=1000)
    shared: bool = False


Auth = Annotated[BearerToken | ClientCredentials | AuthorizationCode, Field(discriminator="type")]


class Http(Value):
    """A server reached by streamable HTTP.

    `headers` are kept encrypted. `allow_private`: the address may lie in a private network or on this machine.
    """

    transport: Literal["http"] = "http"
    url: str = Field(min_length=1, max_length=2000, pattern=r"^https?://")
    headers: dict[str, str] = Field(default={}, max_length=50)
    auth: Auth | None = None
    allow_private: bool = False


Reach = Annotated[Stdio | Http, Field(discriminator="transport")]


class Limits(Value):
    """Bounds on the use of one server, in each process of ours. Times in seconds."""

    max_concurrency: int = Field(default=16, ge=1, le=1000)
    calls_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    connect_timeout_s: float = Field(default=20.0, gt=0, le=300)
    max_result_bytes: int = Field(default=2 * 1024 * 1024, ge=1024, le=16 * 1024 * 1024)


class LookUp(Value):
    """How to find out whether a write that may have happened did: a read whose answer holds the write's trace.

    Templates are `domain.templates` over `{{arguments.<key>}}` (the write's own) and `{{marker}}`, a short text that is
    the same for every try of one step's launch and of no other.

    Attributes:
        tool: The write.
        mark: Where the marker goes before the write is shown for approval: argument name → template. A template for an
            absent argument adds it; one that holds `{{arguments.<name>}}` extends it.
        by: The reading tool of the same server.
        arguments: The reading tool's arguments.
        contains: What the reading's answer must contain for the write to have happened.
        result: Keys into the reading's JSON answer, separated by dots, that lead to what stands for the write's own
            result; empty for the whole answer.
        settle_s: How long to wait before looking a second time when the first look found nothing.
    """

    tool: str
    mark: dict[str, Any] = {}
    by: str
    arguments: dict[str, Any]
    contains: str = "{{marker}}"
    result: str = ""
    settle_s: float = Field(default=2.0, ge=0, le=60)


class ServerOptions(Value):
    """What an admin decides about a server.

    Attributes:
        trusted: Believe its annotations: only then may its tools count as read-only or idempotent.
        owners: Who may use it; None: everybody.
        approve_first: What is listed when the server is first read is approved; else all waits for an admin.
        look_ups: How its writes are looked up; `preset` adds a known server's own.
        idempotent: Tools that may be repeated safely though the server does not say so.
    """

    trusted: bool = False
    owners: tuple[str, ...] | None = Field(default=None, max_length=1000)
    approve_first: bool = True
    limits: Limits = Limits()
    look_ups: tuple[LookUp, ...] = Field(default=(), max_length=200)
    preset: Literal["atlassian"] | None = None
    idempotent: tuple[str, ...] = Field(default=(), max_length=1000)


class ToolServer(Value):
    """A server as it is used. `revision` grows with every change of its configuration."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    reach: Reach
    options: ServerOptions = ServerOptions()
    disabled: bool = False
    revision: int = 1
