"""The pool of model accounts: what is configured, as values. Who chooses among it is `domain.routing`.

`Provider` (an API at an address) → `Account` (a credential with its limits) → `Deployment` (a model on an account) →
`Route` (the name that callers use, and where it leads).
"""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.budget import Price
from domain.value import Value

POOL_ID = re.compile(r"^[a-z0-9][a-z0-9._-]{0,79}\Z")
"""Ids of providers, accounts and deployments."""

ANY_MODEL = "*"
"""As a deployment's model: whatever was asked for. As the end of a route's name: any ending."""

PoolId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
ModelName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f]+$")]


class Dialect(StrEnum):
    """The APIs that adapters speak."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


class Endpoint(StrEnum):
    """What kind of call it is."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"


class Capability(StrEnum):
    """What a model can do beyond chat. A deployment that says nothing of its abilities is taken to have all."""

    TOOLS = "tools"
    VISION = "vision"
    FILES = "files"
    JSON_SCHEMA = "json_schema"
    REASONING = "reasoning"
    EMBEDDINGS = "embeddings"
    COMPLETIONS = "completions"


class Strategy(StrEnum):
    """How a route chooses among its deployments."""

    ORDERED = "ordered"
    """The first that is free, in the order given."""
    ROUND_ROBIN = "round_robin"
    """The one that was not chosen for the longest time."""
    LEAST_CONNECTIONS = "least_connections"
    """The one with the fewest open calls for its weight."""
    WEIGHTED = "weighted"
    """By chance, as often as the weights say."""
    CHEAPEST = "cheapest"
    """The one whose tokens cost least for this call."""
    FASTEST = "fastest"
    """The one whose first token came soonest lately (a moving average)."""


class LimitKind(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    COST_MICROS = "cost_micros"
    CONCURRENCY = "concurrency"


class Limit(Value):
    """At most `amount` in any window of `window_s` seconds; of concurrency, at any time (`window_s` 0)."""

    kind: LimitKind
    amount: int = Field(ge=1, le=10**15)
    window_s: float = Field(default=0, ge=0, le=31 * 86_400)

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if (self.kind is LimitKind.CONCURRENCY) != (self.window_s == 0):
            raise ValueError("a limit of concurrency has no window, and every other has one")
        return self


class Provider(Value):
    """An API at an address. `base_url` ends as its documentation says, such as `/v1`.

    Attributes:
        headers: Sent with every call; no secrets.
        simulated: A stand-in, whose answers are labelled so.
        allow_private: The address may lie in a private network. This machine's own may always be used.
        silence_s: Bound in seconds on the wait for the next byte; reasoning models think for minutes before the first.
    """

    id: PoolId
    dialect: Dialect
    base_url: str = Field(min_length=1, max_length=2000, pattern=r"^https?://[^\s@]+$")
    headers: dict[str, str] = Field(default={}, max_length=20)
    simulated: bool = False
    allow_private: bool = False
    connect_s: float = Field(default=5.0, gt=0, le=60)
    silence_s: float = Field(default=300.0, gt=0, le=3600)
    disabled: bool = False


class Account(Value):
    """A credential at a provider, which is kept apart (sealed), and what may be used by it."""

    id: PoolId
    provider_id: PoolId
    limits: tuple[Limit, ...] = Field(default=(), max_length=20)
    weight: int = Field(default=1, ge=1, le=1000)
    disabled: bool = False


class Deployment(Value):
    """A model on an account.

    Attributes:
        model: The provider's name of it, or `*`.
        price: None: as the price table says of `model`.
        capabilities: None: not known, all are taken for granted.
        context_tokens: Input and output together; None: not known.
        max_output_tokens: What a call without a bound of its own is reckoned with; Anthropic's API is told it.
        timeout_s: Bound on a whole call, in seconds.
        first_token_s: Bound on the wait for the first token, None: `timeout_s`.
    """

    id: PoolId
    account_id: PoolId
    model: ModelName
    price: Price | None = None
    capabilities: frozenset[Capability] | None = None
    context_tokens: int | None = Field(default=None, ge=1)
    max_output_tokens: int = Field(default=4096, ge=1)
    timeout_s: float = Field(default=600.0, gt=0, le=3600)
    first_token_s: float | None = Field(default=None, gt=0, le=3600)
    weight: int = Field(default=1, ge=1, le=1000)
    disabled: bool = False


class RouteTarget(Value):
    """A deployment that a route may choose, for calls of this size in tokens of input."""

    deployment_id: PoolId
    weight: int | None = Field(default=None, ge=1, le=1000)
    min_input_tokens: int = Field(default=0, ge=0)
    max_input_tokens: int | None = Field(default=None, ge=1)


class Route(Value):
    """A public model name.

    Attributes:
        name: What callers ask for; a `*` at its end stands for any ending.
        version: Callers ask for `name@version`; `name` alone is the route without a version, else the newest.
        fallbacks: Other routes' names, tried in order when no deployment of this one can answer.
        sticky_s: A session stays with its deployment for so many seconds after its last call; 0: never.
        cache_ttl_s: Answers are kept for so many seconds; 0: never.
        timeout_s: Bound on a whole call with all its attempts; None: the deployment's own.
        max_attempts: Providers asked for one call, at most.
        wait_s: How long a call waits for capacity when it does not say; 0: it is refused with 429 at once.
        owners: Who may use it; None: everybody.
    """

    name: ModelName
    version: str = Field(default="", max_length=80, pattern=r"^[^\s@\x00-\x1f]*$")
    targets: tuple[RouteTarget, ...] = Field(default=(), max_length=200)
    strategy: Strategy = Strategy.ORDERED
    fallbacks: tuple[ModelName, ...] = Field(default=(), max_length=10)
    sticky_s: float = Field(default=0, ge=0, le=86_400)
    cache_ttl_s: float = Field(default=0, ge=0, le=30 * 86_400)
    timeout_s: float | None = Field(default=None, gt=0, le=3600)
    max_attempts: int = Field(default=3, ge=1, le=10)
    wait_s: float = Field(default=0, ge=0, le=86_400)
    owners: frozenset[str] | None = None
    disabled: bool = False
