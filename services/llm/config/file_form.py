"""What stands in providers.yaml, as values: friendlier than the pool's own, which `providers_yaml` makes of it."""

from decimal import Decimal
from typing import Annotated, Self, cast

from pydantic import BeforeValidator, Field, field_validator, model_validator

from domain.budget import Price
from domain.model_pool import Capability, Dialect, Limit, LimitKind, ModelName, PoolId, Strategy
from domain.value import Value
from services.llm.config.credentials import Credential

MAIN = "main"
"""The name of a provider's only account."""

_NOTHING: dict[str, object] = {}
_MICROS = 1_000_000
_MINUTE, _DAY = 60, 86_400

Amount = Annotated[int, Field(ge=1, le=10**15)]
Dollars = Annotated[Decimal, BeforeValidator(lambda value: str(value) if isinstance(value, float) else value)]
"""US dollars; a float is read as it was written."""


class FileLimits(Value):
    """Limits by their usual short names; `more`: any others.

    Requests and tokens a minute and a day, calls at one time, and what may be spent in a day.
    """

    rpm: Amount | None = None
    rpd: Amount | None = None
    tpm: Amount | None = None
    tpd: Amount | None = None
    concurrency: Amount | None = None
    day_budget_usd: Dollars | None = Field(default=None, gt=0, le=10**9)
    more: tuple[Limit, ...] = Field(default=(), max_length=20)

    def limits(self) -> tuple[Limit, ...]:
        """Return the pool's limits."""
        budget = None if self.day_budget_usd is None else max(1, int(self.day_budget_usd * _MICROS))
        named = (
            (LimitKind.REQUESTS, self.rpm, _MINUTE),
            (LimitKind.REQUESTS, self.rpd, _DAY),
            (LimitKind.TOKENS, self.tpm, _MINUTE),
            (LimitKind.TOKENS, self.tpd, _DAY),
            (LimitKind.CONCURRENCY, self.concurrency, 0),
            (LimitKind.COST_MICROS, budget, _DAY),
        )
        own = (Limit(kind=kind, amount=amount, window_s=window) for kind, amount, window in named if amount)
        return (*own, *self.more)


class FileAccount(Value):
    """A credential at a provider."""

    api_key: Credential | None = None
    limits: FileLimits = FileLimits()
    weight: int = Field(default=1, ge=1, le=1000)
    disabled: bool = False

    @field_validator("api_key", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """Take an empty text, as of an unset variable with an empty default, for no credential."""
        return value or None


class FilePrice(Value):
    """US dollars for a million tokens."""

    input: Dollars = Field(default=Decimal(0), ge=0, le=10**6)
    cached_input: Dollars | None = Field(default=None, ge=0, le=10**6)
    output: Dollars = Field(default=Decimal(0), ge=0, le=10**6)

    def price(self) -> Price:
        """Return the price in micro-units; cached input costs as much as other input unless it is said."""
        cached = self.input if self.cached_input is None else self.cached_input
        return Price(
            input_micros=int(self.input * _MICROS),
            cached_input_micros=int(cached * _MICROS),
            output_micros=int(self.output * _MICROS),
        )


class FileModel(Value):
    """A model of a provider. `model`: the provider's name of it, if another than ours."""

    model: ModelName | None = None
    context: int | None = Field(default=None, ge=1)
    max_output: int = Field(default=4096, ge=1)
    price: FilePrice | None = None
    capabilities: frozenset[Capability] | None = None
    timeout_s: float = Field(default=600.0, gt=0, le=3600)
    first_token_s: float | None = Field(default=None, gt=0, le=3600)
    weight: int = Field(default=1, ge=1, le=1000)


def _entries(value: object) -> object:
    """Take a list of names, and names without anything, for entries that say nothing more."""
    if isinstance(value, list):
        names = cast("list[object]", value)
        return dict.fromkeys(names, _NOTHING) if all(isinstance(name, str) for name in names) else names
    if isinstance(value, dict):
        return {key: _NOTHING if entry is None else entry for key, entry in cast("dict[object, object]", value).items()}
    return value


class FileProvider(FileAccount):
    """A provider with its accounts and models. Without `accounts` it has one, `main`, of the account's fields here."""

    dialect: Dialect = Dialect.OPENAI
    base_url: str
    headers: dict[str, str] = {}
    simulated: bool = False
    allow_private: bool = False
    connect_s: float = 5.0
    silence_s: float = 300.0
    accounts: Annotated[dict[PoolId, FileAccount], BeforeValidator(_entries)] = Field(default={}, max_length=10_000)
    models: Annotated[dict[ModelName, FileModel], BeforeValidator(_entries)] = Field(default={}, max_length=1000)

    @model_validator(mode="after")
    def _keys_in_one_place(self) -> Self:
        if self.accounts and self.model_fields_set & {"api_key", "limits", "weight"}:
            raise ValueError("api_key, limits and weight stand within accounts when there are accounts")
        return self

    def each_account(self) -> dict[str, FileAccount]:
        """Return the accounts by name."""
        return dict(self.accounts) or {MAIN: FileAccount(api_key=self.api_key, limits=self.limits, weight=self.weight)}


class FileTarget(Value):
    """Where a route leads: `provider/model` (on all its accounts) or `provider/account/model`."""

    to: str = Field(min_length=1, max_length=400)
    weight: int | None = Field(default=None, ge=1, le=1000)
    min_input_tokens: int = Field(default=0, ge=0)
    max_input_tokens: int | None = Field(default=None, ge=1)


def _targets(value: object) -> object:
    """Take one target for a list of one, and a text for a target that says nothing more."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return [{"to": item} if isinstance(item, str) else item for item in items]


class FileRoute(Value):
    """A public model name, as `domain.model_pool.Route` describes it."""

    to: Annotated[tuple[FileTarget, ...], BeforeValidator(_targets)] = Field(min_length=1, max_length=200)
    strategy: Strategy = Strategy.ORDERED
    fallbacks: tuple[ModelName, ...] = ()
    sticky_s: float = 0
    cache_ttl_s: float = 0
    timeout_s: float | None = None
    max_attempts: int = 3
    wait_s: float = 0
    owners: frozenset[str] | None = None
    disabled: bool = False
