"""The tables of the model pool: what is configured, what is leased, how it has been doing.

`data` is the configured value of `domain.model_pool` as JSON. `source` says who configured it: `admin`, `file`
(providers.yaml), `settings` (one provider by environment), `node` (it registered itself).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Float, Index, LargeBinary, Text, text
from sqlmodel import Field

from services.storage.columns import Named, flag_column, id_column, json_column, number_column, text_column, time_column


def _source() -> Column[str]:
    return Column(Text, nullable=False, server_default=text("'admin'"))


class PoolProvider(Named, table=True):
    """A provider (`domain.model_pool.Provider`)."""

    id: str = Field(sa_column=id_column(primary=True))
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    source: str = Field(sa_column=_source())
    revision: int = Field(sa_column=number_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class PoolAccount(Named, table=True):
    """An account. `credential` is sealed, bound to `pool_account/<id>`; null: the provider wants none.

    `credential_set_at`: when it was set last. `parked_at`: since when it is taken for dead; `parked_code`,
    `parked_note`: why. `checked_at`, `check_error`: the last free call with it.
    """

    id: str = Field(sa_column=id_column(primary=True))
    provider_id: str = Field(sa_column=id_column())
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    credential: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    credential_set_at: datetime | None = Field(sa_column=time_column())
    parked_at: datetime | None = Field(sa_column=time_column())
    parked_code: str | None = Field(sa_column=text_column())
    parked_note: str | None = Field(sa_column=text_column())
    checked_at: datetime | None = Field(sa_column=time_column())
    check_error: str | None = Field(sa_column=text_column())
    source: str = Field(sa_column=_source())
    revision: int = Field(sa_column=number_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class PoolLimit(Named, table=True):
    """A limit of an account, as configured or as its provider's answers told (`learnt`); see `domain.model_pool.Limit`.

    Of a kind and window the smaller of both holds. `remaining` and `resets_at`: what a learnt one said last.
    """

    account_id: str = Field(sa_column=id_column(primary=True))
    kind: str = Field(sa_column=id_column(primary=True))
    window_s: float = Field(sa_column=Column(Float, primary_key=True))
    learnt: bool = Field(sa_column=Column(flag_column().type, primary_key=True))
    amount: int = Field(sa_column=number_column(big=True))
    remaining: int | None = Field(sa_column=Column(number_column(big=True).type, nullable=True))
    resets_at: datetime | None = Field(sa_column=time_column())


class PoolDeployment(Named, table=True):
    """A deployment (`domain.model_pool.Deployment`)."""

    id: str = Field(sa_column=id_column(primary=True))
    account_id: str = Field(sa_column=id_column())
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    source: str = Field(sa_column=_source())
    revision: int = Field(sa_column=number_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class PoolRoute(Named, table=True):
    """A route (`domain.model_pool.Route`)."""

    name: str = Field(sa_column=id_column(primary=True))
    version: str = Field(sa_column=id_column(primary=True))
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    source: str = Field(sa_column=_source())
    revision: int = Field(sa_column=number_column())
    created_at: datetime = Field(sa_column=time_column(now=True))
    updated_at: datetime = Field(sa_column=time_column(now=True))


class PoolVersion(Named, table=True):
    """One row (id 1): counts every change of the configuration, so that a process sees whether its copy is old.

    `imported`: sealed digests, in hex, of what was taken over last from providers.yaml (`file`) and from the settings.
    """

    id: int = Field(sa_column=number_column(primary=True))
    version: int = Field(sa_column=number_column(big=True))
    imported: dict[str, Any] = Field(sa_column=json_column("{}"))


class PoolChange(Named, table=True):
    """The audit: who changed what. `data`: what the object was changed to, without any credential."""

    __table_args__ = (Index("pool_change_by_object", "kind", "object_id", "id"),)

    id: int = Field(sa_column=Column(number_column(big=True).type, primary_key=True, autoincrement=True))
    at: datetime = Field(sa_column=time_column(now=True))
    actor: str = Field(sa_column=text_column(nullable=False))
    action: str = Field(sa_column=id_column())
    kind: str = Field(sa_column=id_column())
    object_id: str = Field(sa_column=id_column())
    data: dict[str, Any] = Field(sa_column=json_column("{}"))


class PoolNode(Named, table=True):
    """A self-hosted backend that registered itself. `account_id`: its account in the pool."""

    id: str = Field(sa_column=id_column(primary=True))
    account_id: str = Field(sa_column=id_column())
    ttl_s: float = Field(sa_column=Column(Float, nullable=False))
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    registered_at: datetime = Field(sa_column=time_column(now=True))
    seen_at: datetime = Field(sa_column=time_column(now=True))


class Lease(Named, table=True):
    """One attempt at a provider: a place within its account's limits, and afterwards what came of it.

    Open: `ended_at` is null and `expires_at` ahead. It counts towards windows from `taken_at` until one window after
    `counted_from`: its first response byte or its end, or, of a process that died, `expires_at`. `outcome`: `ok`,
    an error's code, or `unused` (nothing was sent: it counts no more). Tokens and cost are estimates until it ends.
    `rolled_up`: it has been added to `pool_total`.
    """

    __table_args__ = (
        Index("lease_open", "account_id", "expires_at", postgresql_where=text("ended_at IS NULL")),
        Index("lease_counted", "account_id", "counted_from", postgresql_where=text("ended_at IS NOT NULL")),
        Index("lease_by_end", "ended_at"),
        Index("lease_to_roll_up", "ended_at", postgresql_where=text("ended_at IS NOT NULL AND NOT rolled_up")),
        {"postgresql_with": {"fillfactor": 80}},
    )

    id: str = Field(sa_column=id_column(primary=True))
    call_id: str = Field(sa_column=id_column())
    deployment_id: str = Field(sa_column=id_column())
    account_id: str = Field(sa_column=id_column())
    route: str = Field(sa_column=id_column())
    owner: str = Field(sa_column=id_column())
    process: str = Field(sa_column=text_column(nullable=False))
    tokens: int = Field(sa_column=number_column(big=True))
    cost_micros: int = Field(sa_column=number_column(big=True))
    taken_at: datetime = Field(sa_column=time_column(now=True))
    expires_at: datetime = Field(sa_column=time_column(now=True))
    counted_from: datetime | None = Field(sa_column=time_column())
    ended_at: datetime | None = Field(sa_column=time_column())
    outcome: str | None = Field(sa_column=text_column())
    input_tokens: int = Field(sa_column=number_column())
    cached_tokens: int = Field(sa_column=number_column())
    output_tokens: int = Field(sa_column=number_column())
    first_token_ms: int | None = Field(sa_column=Column(number_column().type, nullable=True))
    total_ms: int = Field(sa_column=number_column())
    rolled_up: bool = Field(sa_column=flag_column())


class LeaseWaiter(Named, table=True):
    """A call that waits for capacity. Served in order of `rank`, `turn`, `since`.

    `accounts`: where it could be served; `expected_at`: when it was told to ask again. One that does not come is
    overtaken. `rank`: its priority, less what it gained by waiting; `turn`: its place in the round of fairness keys.
    """

    __table_args__ = (
        Index("lease_waiter_in_order", "rank", "turn", "since", "id"),
        Index("lease_waiter_by_key", "fairness_key", "rank", "turn"),
    )

    id: str = Field(sa_column=id_column(primary=True))
    route: str = Field(sa_column=id_column())
    accounts: list[str] = Field(sa_column=json_column("[]"))
    priority: int = Field(sa_column=number_column())
    fairness_key: str = Field(sa_column=id_column())
    since: datetime = Field(sa_column=time_column(now=True))
    expected_at: datetime = Field(sa_column=time_column(now=True))
    rank: int = Field(sa_column=number_column())
    turn: int = Field(sa_column=number_column(big=True))
    tokens: int = Field(sa_column=number_column(big=True))
    cost_micros: int = Field(sa_column=number_column(big=True))


class AccountUsage(Named, table=True):
    """What ended leases of an account with a long window came to, by spans of time: a day's are too many to count.

    A span holds the leases whose `counted_from` is in it. The newest are added to, those that no window reaches go.
    """

    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    account_id: str = Field(sa_column=id_column(primary=True))
    span_s: int = Field(sa_column=number_column(primary=True))
    starts_at: datetime = Field(sa_column=Column(time_column().type, primary_key=True))
    requests: int = Field(sa_column=number_column(big=True))
    tokens: int = Field(sa_column=number_column(big=True))
    cost_micros: int = Field(sa_column=number_column(big=True))


class Breaker(Named, table=True):
    """The circuit breaker of an account or a deployment (`domain.breaker`). No row: closed, and never failed."""

    scope: str = Field(sa_column=id_column(primary=True))
    state: str = Field(sa_column=Column(Text, nullable=False, server_default=text("'closed'")))
    data: dict[str, Any] = Field(sa_column=json_column("{}"))
    until: datetime | None = Field(sa_column=time_column())
    probe: str | None = Field(sa_column=text_column())
    updated_at: datetime = Field(sa_column=time_column(now=True))


class DeploymentPace(Named, table=True):
    """How a deployment has been doing. `first_token_ms`: a moving average; `taken_at`: when it was chosen last."""

    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)

    deployment_id: str = Field(sa_column=id_column(primary=True))
    first_token_ms: float | None = Field(sa_column=Column(Float, nullable=True))
    taken_at: datetime | None = Field(sa_column=time_column())


class StickySession(Named, table=True):
    """Which deployment a session stays with. `session`: SHA-256 of the caller's word for it, in hex."""

    owner: str = Field(sa_column=id_column(primary=True))
    route: str = Field(sa_column=id_column(primary=True))
    session: str = Field(sa_column=id_column(primary=True))
    deployment_id: str = Field(sa_column=id_column())
    until: datetime = Field(sa_column=time_column(now=True))


class PoolTotal(Named, table=True):
    """What ended leases came to that were rolled up, for ever growing: counters for Prometheus outlive every purge.

    `buckets`: calls by duration and by first-token time, `{"total": […], "first_token": […]}`, each bucket alone; their
    bounds stand in `services.storage.pool_rollup`.
    """

    account_id: str = Field(sa_column=id_column(primary=True))
    deployment_id: str = Field(sa_column=id_column(primary=True))
    route: str = Field(sa_column=id_column(primary=True))
    outcome: str = Field(sa_column=id_column(primary=True))
    calls: int = Field(sa_column=number_column(big=True))
    input_tokens: int = Field(sa_column=number_column(big=True))
    cached_tokens: int = Field(sa_column=number_column(big=True))
    output_tokens: int = Field(sa_column=number_column(big=True))
    cost_micros: int = Field(sa_column=number_column(big=True))
    total_ms: int = Field(sa_column=number_column(big=True))
    first_token_ms: int = Field(sa_column=number_column(big=True))
    first_tokens: int = Field(sa_column=number_column(big=True))
    buckets: dict[str, Any] = Field(sa_column=json_column("{}"))
