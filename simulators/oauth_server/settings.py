"""What can be chosen when the server starts, and what can be changed while it runs."""

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

SCOPE = "tools:use"


class Behaviour(BaseModel):
    """How the server behaves from now on.

    Attributes:
        expires_in: Lifetime of access tokens from now on, in seconds; None: they say none and live on.
        rotate: Give a new refresh token at each refresh and refuse the old one.
        refresh_tokens: Give refresh tokens at all.
        failure: Answer token requests with this status instead; None: properly.
        failure_body: The body of that answer.
        metadata_failure: Answer metadata requests with this status instead.
        delay_s: Wait between what a token request changes and its answer.
        deny: Refuse authorization, as a person might.
        anonymous: Let `/mcp` be asked without a token.
        challenge: The `error` of the challenge that answers each token, right or not, with 403; None: none.
        challenge_scope: The scope that this challenge names.
    """

    model_config = ConfigDict(extra="forbid")

    expires_in: int | None = 3600
    rotate: bool = True
    refresh_tokens: bool = True
    failure: int | None = None
    failure_body: str = '{"error":"server_error"}'
    metadata_failure: int | None = None
    delay_s: float = 0.0
    deny: bool = False
    anonymous: bool = False
    challenge: str | None = None
    challenge_scope: str = SCOPE


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server.

    Attributes:
        clients: Secrets of the clients that are registered from the start, by id.
        methods: How clients may show their secret at the token endpoint.
        registration: Whether others may register.
    """

    clients: dict[str, str] = field(default_factory=dict[str, str])
    methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post", "none")
    registration: bool = True
