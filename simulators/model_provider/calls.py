"""The log of calls: append-only JSON lines in a file, and the newest calls in memory.

A call has two lines with the same `id`: `{"event": "arrived", …}` before anything is answered, and
`{"event": "ended", …}` when the answer is sent, failed or the client went away. A call that was open when the server
was killed has only the first. Times named `_at` are seconds since 1970, UTC; those named `_s` are of the machine's
monotonic clock, for differences.
"""

import json
import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from typing import Any

from simulators.model_provider.chat import FREE, ChatCall
from simulators.model_provider.windows import Span

MEMORY = 20_000
"""How many calls are kept in memory, unless told otherwise."""

_DIGEST_CHARS = 16


@dataclass(slots=True)
class Call:
    """One call as it is logged.

    Attributes:
        number: Counts the calls of this server from 1.
        account: Digest of the API key; see `account_of`.
        prompt_sha256: Digest of the last user message.
        document_error: Why a message that names a task is no valid document.
        fault: The scripted fault that applied.
        first_byte_at: When the answer's first byte was sent, None if none was.
        ended_at: When its last byte was, or when the call broke off; None while the call is open.
        status: HTTP status that was sent, None if none was.
        usage: As it was told, in OpenAI's words.
        tokens: What it really used, prompt and answer.
        over_limit: It was refused because the account was at a limit.
        aborted: The client went away before the answer was sent.
    """

    number: int
    id: str
    arrived_at: float
    arrived_s: float
    dialect: str | None = None
    kind: str | None = None
    account: str | None = None
    model: str | None = None
    task: str | None = None
    step_id: str | None = None
    idempotency_key: str | None = None
    stream: bool = False
    prompt_sha256: str | None = None
    document_error: str | None = None
    fault: dict[str, Any] | None = None
    first_byte_at: float | None = None
    first_byte_s: float | None = None
    ended_at: float | None = None
    ended_s: float | None = None
    status: int | None = None
    finish_reason: str | None = None
    usage: Any = None
    tokens: int = 0
    over_limit: bool = False
    aborted: bool = False

    def read_as(self, call: ChatCall) -> None:
        """Note what the request says."""
        self.model, self.task, self.step_id, self.stream = call.model, call.task, call.step_id, call.stream
        self.prompt_sha256, self.document_error = call.prompt_sha256, call.document_error

    def starts(self) -> None:
        """Note that the first byte is sent now."""
        self.first_byte_at, self.first_byte_s = time.time(), time.monotonic()

    def ends(self) -> None:
        """Note that the last byte is sent now, or that the call broke off. Only the first time counts."""
        if self.ended_s is None:
            self.ended_at, self.ended_s = time.time(), time.monotonic()


_ARRIVED = (
    "number", "id", "arrived_at", "arrived_s", "dialect", "kind", "account", "model", "task", "step_id",
    "idempotency_key", "stream", "prompt_sha256", "document_error", "fault",
)  # fmt: skip
_ENDED = (
    "id", "account", "arrived_s", "first_byte_at", "first_byte_s", "ended_at", "ended_s", "status", "finish_reason",
    "usage", "tokens", "over_limit", "aborted",
)  # fmt: skip


@lru_cache(maxsize=4096)
def account_of(key: str) -> str:
    """Return the digest by which the log names the account of an API key; "none" for no key."""
    return sha256(key.encode()).hexdigest()[:_DIGEST_CHARS] if key else "none"


@dataclass(slots=True)
class CallLog:
    """Every call this server took."""

    path: Path | None = None
    memory: int = MEMORY
    _calls: deque[Call] = field(default_factory=deque[Call])
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _boot: str = field(default_factory=lambda: f"{time.time_ns():x}")
    _file: int | None = None

    def __post_init__(self) -> None:
        self._calls = deque(maxlen=self.memory)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def arrive(self, dialect: str, kind: str, key: str, idempotency_key: str | None) -> Call:
        """Return the entry of a call that arrives now; it is recorded by `begin`."""
        number = next(self._numbers)
        return Call(
            number,
            f"sim_{self._boot}_{number}",
            time.time(),
            time.monotonic(),
            dialect,
            kind,
            account_of(key),
            idempotency_key=idempotency_key,
        )

    def begin(self, entry: Call) -> None:
        """Record that a call arrived, with all that is known of it before it is answered."""
        self._calls.append(entry)
        self._write("arrived", entry, _ARRIVED)

    def end(self, entry: Call) -> None:
        """Record that a call is over."""
        entry.ends()
        self._write("ended", entry, _ENDED)

    def recent(self, filters: Mapping[str, str], after: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Return calls in memory, oldest first: at most `limit`, of a higher number than `after`.

        Args:
            filters: Fields and their values, as text.
            after: The number of the last call of the page before.
            limit: None for all.
        """
        matching = (call for call in self._calls if call.number > after and _has(call, filters))
        return [asdict(call) for call in islice(matching, limit)]

    def spans(self) -> list[Span]:
        """Return the calls in memory that count towards limits, as `windows.peaks` takes them."""
        return [
            Span(call.account or "none", call.arrived_s, call.ended_s, call.tokens, call.over_limit)
            for call in self._calls
            if call.kind not in FREE
        ]

    def clear(self) -> None:
        """Forget the calls in memory; the file stays."""
        self._calls.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, event: str, entry: Call, names: tuple[str, ...]) -> None:
        if self._file is not None:
            line = {"event": event} | {name: getattr(entry, name) for name in names}
            os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _has(call: Call, filters: Mapping[str, str]) -> bool:
    return all(_as_text(getattr(call, name, None)) == value for name, value in filters.items())


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
