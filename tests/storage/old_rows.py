"""Rows as they stand in the tables after days, and sweeping them."""

import time
from datetime import UTC, datetime

from domain.ids import gateway_call_id, unix_ms_of
from domain.purging import Keep, PurgeKind
from services.storage import purging
from services.storage.database import Database
from tests.storage.samples import new_id

DAY_S = 86_400.0
KEEP = Keep(log_days=3, lease_days=3, call_days=3, key_days=3, answer_days=3)


async def swept(db: Database, kind: PurgeKind, batch: int | None = None) -> int:
    """Remove all that is old of a kind; return how many rows that were."""
    rows, more = 0, True
    while more:
        done = await purging.sweep(db, kind, KEEP, batch)
        rows, more = rows + done.rows, done.more
    return rows


async def left(db: Database, table: str, column: str, value: str) -> int:
    (row,) = await db.fetch(f"SELECT count(*) AS n FROM {table} WHERE {column} = $1", value)  # noqa: S608  our names
    n: int = row["n"]
    return n


def call_of(days: float) -> str:
    """Return the id of a call that was begun so many days ago."""
    return gateway_call_id(int((time.time() - days * DAY_S) * 1000), int(new_id()[4:], 16) >> 40)


async def made(db: Database, subject: str, *, ended: bool = True) -> str:
    """Write a call (or a request) with two chunks and a key, as it stands in the tables; return its id."""
    ended_at = datetime.fromtimestamp(unix_ms_of(subject) / 1000, UTC) if ended else None
    await db.fetch("INSERT INTO request (id, owner, kind, finished_at) VALUES ($1, 'o', 'call', $2)", subject, ended_at)
    for seq, kind in enumerate(("request.accepted", "call.chunk", "call.reset", "call.chunk", "call.finished")):
        await db.fetch(
            "INSERT INTO request_event (request_id, seq, type, source, source_seq, data) "
            "VALUES ($1, $2, $3, 'x', $2, '{}')",
            subject,
            seq + 1,
            kind,
        )
    await db.fetch(
        "INSERT INTO idempotency (owner, route, key_hash, body_hash, request_id, created_at) "
        "VALUES ('o', 'r', $1, 'b', $1, clock_timestamp() - interval '4 days')",
        subject,
    )
    return subject
