"""Leases to test with, written as the pool would leave them."""

import json
import secrets
from typing import Any

from services.storage.database import Database

_INSERT = """
    INSERT INTO lease (id, call_id, deployment_id, account_id, route, owner, process, tokens, cost_micros,
        taken_at, expires_at, counted_from, ended_at, outcome, input_tokens, cached_tokens, output_tokens,
        first_token_ms, total_ms)
    SELECT $1, 'call_' || $1, d->>'deployment', d->>'account', d->>'route', 'owner-a', 'test', (d->>'tokens')::bigint,
        (d->>'cost_micros')::bigint, clock_timestamp() - s.taken, clock_timestamp() - s.expired,
        clock_timestamp() - s.ended, clock_timestamp() - s.ended, d->>'outcome', (d->>'input_tokens')::int,
        (d->>'cached_tokens')::int, (d->>'output_tokens')::int, (d->>'first_token_ms')::int, (d->>'total_ms')::int
    FROM (SELECT $2::jsonb AS d) AS given, LATERAL (SELECT
        make_interval(secs => (d->>'taken_ago_s')::float) AS taken,
        make_interval(secs => (d->>'expired_ago_s')::float) AS expired,
        make_interval(secs => (d->>'ended_ago_s')::float) AS ended) AS s"""


def unique(name: str) -> str:
    """Return a name that no other test has."""
    return f"{name}-{secrets.token_hex(5)}"


async def lease(db: Database, account: str, **changes: Any) -> str:
    """Write a lease that has just ended well, but for `changes`; `ended_ago_s` None: it is open. Return its id."""
    fields: dict[str, Any] = {
        "account": account,
        "deployment": f"{account}-d",
        "route": "r",
        "outcome": "ok",
        "cost_micros": 7,
        "input_tokens": 100,
        "cached_tokens": 40,
        "output_tokens": 20,
        "first_token_ms": 60,
        "total_ms": 1000,
        "ended_ago_s": 0.0,
        **changes,
    }
    ended = fields["ended_ago_s"]
    fields.setdefault("tokens", fields["input_tokens"] + fields["output_tokens"])
    fields.setdefault("taken_ago_s", 1.0 if ended is None else ended + 1.0)
    fields.setdefault("expired_ago_s", -60.0)
    if ended is None:
        fields["outcome"] = None
    lease_id = unique("lease")
    await db.fetch(_INSERT, lease_id, json.dumps(fields))
    return lease_id
