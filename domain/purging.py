"""What is removed by age, and for how long it is kept."""

from enum import StrEnum

from pydantic import Field

from domain.value import Value


class PurgeKind(StrEnum):
    """What a purge sees to, in this order. What is open, and what users' requests left, is never among it."""

    LEASE_TOTALS = "lease_totals"
    """Nothing is removed yet: ended leases are added to the counters, so that they may be."""
    LEASES = "leases"
    """Ended leases that are in the counters and count towards no window of a limit."""
    WAITERS = "waiters"
    """Places in the queue for capacity whose calls did not come back for a day."""
    SESSIONS = "sessions"
    """Which deployment a session stayed with, when its time is over."""
    CACHED_ANSWERS = "cached_answers"
    """Kept answers that have expired."""
    CALL_CHUNKS = "call_chunks"
    """The streamed pieces of ended gateway calls; the whole answer stays for as long as they do."""
    CALL_KEYS = "call_keys"
    """Idempotency-Keys of ended gateway calls."""
    UNSTARTED_CALLS = "unstarted_calls"
    """Gateway calls that were accepted and never started."""
    CALLS = "calls"
    """Ended gateway calls: their rows, events, journals and deliveries. What the ledger says of them stays."""
    CALL_BLOBS = "call_blobs"
    """Long texts that only gateway calls have put, and that none refers to any more."""
    API_CALLS = "api_calls"
    """The log of API calls."""
    LIMIT_USES = "limit_uses"
    """What was noted for limits of callers that nobody has asked against since it counted."""
    AUDIT = "audit"
    """The audit log."""


class Keep(Value):
    """For how many days. Leases are kept for as long as the longest window of any limit, if that is longer.

    Gateway calls with their answers (`answer_days`) are kept for no less than their pieces (`call_days`) and keys.
    """

    log_days: int = Field(default=30, ge=1, le=3650)
    lease_days: int = Field(default=7, ge=1, le=3650)
    call_days: int = Field(default=30, ge=2, le=3650)
    key_days: int = Field(default=7, ge=2, le=3650)
    answer_days: int = Field(default=90, ge=2, le=3650)
    audit_days: int = Field(default=730, ge=30, le=36_500)
