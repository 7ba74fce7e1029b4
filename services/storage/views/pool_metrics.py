"""How the pool is doing now: who is open, resting, parked, at a limit; and how many calls wait for capacity."""

from datetime import datetime

from domain.value import Value
from services.storage.driver import Row
from services.storage.statements import Statements

SHOWN = 1000
"""Rows of each kind, at most."""

_ACCOUNTS = """
    SELECT a.id, a.provider_id, coalesce((a.data->>'disabled')::boolean, false) AS disabled, a.parked_at, a.parked_code
    FROM pool_account a ORDER BY a.id LIMIT $1"""
_DEPLOYMENTS = """
    SELECT d.id, d.account_id, coalesce(d.data->>'model', '') AS model FROM pool_deployment d ORDER BY d.id LIMIT $1"""
_OPEN = """
    SELECT account_id, deployment_id, route, count(*) AS leases FROM lease
    WHERE ended_at IS NULL AND expires_at > clock_timestamp()
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT $1"""
_BREAKERS = """
    SELECT scope, state, CASE WHEN until > clock_timestamp() THEN until END AS until FROM breaker
    ORDER BY state = 'closed', scope LIMIT $1"""
# One that does not come when it was told to is overtaken: it waits no more.
_WAITING = """
    SELECT route, count(*) AS calls, extract(epoch FROM clock_timestamp() - min(since))::float8 AS longest_s
    FROM lease_waiter WHERE expected_at > clock_timestamp() - interval '5 seconds'
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $1"""
_LIMITS = """
    SELECT l.account_id, l.kind, l.window_s, l.amount, CASE l.kind
            WHEN 'concurrency' THEN (
                SELECT count(*) FROM lease o
                WHERE o.account_id = l.account_id AND o.ended_at IS NULL AND o.expires_at > clock_timestamp())
            WHEN 'requests' THEN used.requests WHEN 'tokens' THEN used.tokens ELSE used.cost_micros END AS used
    FROM (
        SELECT account_id, kind, window_s, min(amount) AS amount FROM pool_limit
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT $1
    ) AS l
    LEFT JOIN LATERAL longhaul_account_used(l.account_id, l.window_s, clock_timestamp()) AS used
        ON l.kind <> 'concurrency'
    ORDER BY 1, 2, 3"""


class AccountState(Value):
    """An account. `parked_at`: since when its credential is taken for dead."""

    id: str
    provider_id: str
    disabled: bool
    parked_at: datetime | None
    parked_code: str | None


class DeploymentState(Value):
    """A deployment, and its provider's name of the model."""

    id: str
    account_id: str
    model: str


class OpenLeases(Value):
    """Calls that are being made."""

    account_id: str
    deployment_id: str
    route: str
    leases: int


class BreakerStanding(Value):
    """The breaker of `account:<id>` or `deployment:<id>`; one that never failed has none. `until`: it rests."""

    scope: str
    state: str
    until: datetime | None


class Waiting(Value):
    """Calls of a route that wait for capacity. `longest_s`: how long the first of them has."""

    route: str
    calls: int
    longest_s: float


class LimitUse(Value):
    """What of a limit is used, in its window up to now. Of a configured and a learnt one the smaller is shown."""

    account_id: str
    kind: str
    window_s: float
    amount: int
    used: int


class PoolState(Value):
    """The pool at one moment."""

    accounts: tuple[AccountState, ...]
    deployments: tuple[DeploymentState, ...]
    open_leases: tuple[OpenLeases, ...]
    breakers: tuple[BreakerStanding, ...]
    waiting: tuple[Waiting, ...]
    limits: tuple[LimitUse, ...]


async def pool_state(where: Statements) -> PoolState:
    """Return the pool as it stands."""

    async def rows(statement: str) -> list[Row]:
        return await where.fetch(statement, SHOWN)

    return PoolState(
        accounts=tuple(AccountState(**row) for row in await rows(_ACCOUNTS)),
        deployments=tuple(DeploymentState(**row) for row in await rows(_DEPLOYMENTS)),
        open_leases=tuple(OpenLeases(**row) for row in await rows(_OPEN)),
        breakers=tuple(BreakerStanding(**row) for row in await rows(_BREAKERS)),
        waiting=tuple(Waiting(**row) for row in await rows(_WAITING)),
        limits=tuple(LimitUse(**row) for row in await rows(_LIMITS)),
    )
