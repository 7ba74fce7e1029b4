"""How a server has been doing, over all processes: its last reading, and its calls of the last hour in the journal."""

from datetime import datetime

from domain.value import Value
from services.storage.statements import Statements

_CALLS = """
    SELECT count(*) FILTER (WHERE started_at > clock_timestamp() - interval '1 hour') AS calls,
        count(*) FILTER (WHERE state IN ('failed', 'uncertain', 'lost')
            AND started_at > clock_timestamp() - interval '1 hour') AS failed,
        count(*) FILTER (WHERE state = 'open') AS open, max(started_at) AS last_call_at
    FROM (SELECT state, started_at FROM tool_call WHERE server = $1 ORDER BY started_at DESC LIMIT 10000) AS newest"""
_FAILURE = """
    SELECT error_code, error, finished_at FROM tool_call
    WHERE server = $1 AND error_code IS NOT NULL ORDER BY started_at DESC LIMIT 1"""


class LastFailure(Value):
    """The newest call that failed. `error`: the server's text, bounded, without credentials."""

    code: str
    error: str
    at: datetime


class Standing(Value):
    """How a server has been doing.

    Attributes:
        ok: Whether its lists could be read the last time.
        error: Why not.
        checked_at: When that was.
        calls: Calls of the last hour, of the newest 10,000.
        failed: Those of them without an answer.
        open: Calls without an end; those of a process that died count until they are taken up again.
    """

    ok: bool
    error: str | None
    checked_at: datetime | None
    calls: int
    failed: int
    open: int
    last_call_at: datetime | None
    last_failure: LastFailure | None


async def standing(where: Statements, server_id: str, *, checked: tuple[bool, str | None, datetime | None]) -> Standing:
    """Return a server's standing; `checked` is what its last refresh found: whether it could be read, why not, when."""
    (row,) = await where.fetch(_CALLS, server_id)
    failures = await where.fetch(_FAILURE, server_id)
    ok, error, at = checked
    last = None
    if failures:
        found = failures[0]
        last = LastFailure(code=found["error_code"], error=found["error"] or "", at=found["finished_at"])
    return Standing(
        ok=ok,
        error=error,
        checked_at=at,
        calls=row["calls"],
        failed=row["failed"],
        open=row["open"],
        last_call_at=row["last_call_at"],
        last_failure=last,
    )
