"""The pool's metrics on the wire, for dashboards."""

from datetime import datetime
from enum import IntEnum

from pydantic import BaseModel, ConfigDict, Field

from services.storage.views.pool_flow import Percentiles


class Minutes(IntEnum):
    """How far metrics look back."""

    ONE = 1
    FIVE = 5
    HOUR = 60


class MetricsQuery(BaseModel):
    """What to read."""

    model_config = ConfigDict(extra="forbid")

    minutes: Minutes = Field(default=Minutes.FIVE, description="How far to look back.")


class FlowDocument(BaseModel):
    """Attempts at providers that ended in the time. Latencies are milliseconds of answered ones; null: none were."""

    name: str
    calls: int
    calls_per_s: float
    errors: int
    error_rate: float = Field(description="Errors among calls, 0 to 1; who was cancelled counts as a call.")
    outcomes: dict[str, int] = Field(description="Calls by outcome: `ok`, `cancelled`, or an error's code.")
    total_ms: Percentiles | None
    first_token_ms: Percentiles | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    input_tokens_per_s: float
    output_tokens_per_s: float
    cost_micros: int


class RouteMetrics(FlowDocument):
    """A route. `waiting`: its calls that wait for capacity, the first of them for `longest_wait_s`."""

    open_leases: int
    waiting: int
    longest_wait_s: float


class DeploymentMetrics(FlowDocument):
    """A deployment. `breaker`: closed, half_open or open; `resting_until`: no call goes there before."""

    account: str | None
    model: str | None
    open_leases: int
    breaker: str
    resting_until: datetime | None


class LimitDocument(BaseModel):
    """A limit and what is used of it in the window up to now; `window_s` 0: at any time."""

    kind: str
    window_s: float
    amount: int
    used: int


class AccountMetrics(FlowDocument):
    """An account. `parked_code`: why it is out of use; `breaker` as a deployment's."""

    provider: str | None
    disabled: bool
    parked_at: datetime | None
    parked_code: str | None
    open_leases: int
    breaker: str
    resting_until: datetime | None
    limits: list[LimitDocument]


class MetricsDocument(BaseModel):
    """The pool now, and what went through it in the last minutes. What is configured is shown, even without calls."""

    at: datetime
    window_s: int
    total: FlowDocument
    routes: list[RouteMetrics]
    deployments: list[DeploymentMetrics]
    accounts: list[AccountMetrics]
    open_leases: int
    waiting: int
