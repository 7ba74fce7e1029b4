"""The log of calls: append-only JSON lines in a file, and the newest calls in memory.

A call has two lines with the same `id`: `{"event": "arrived", …}` before anything is answered, and
`{"event": "ended", …}` when the answer is sent, failed or the client went away. A call that was open when the server
was killed has only the first. Times are seconds since 1970, UTC.
"""

import json
import os
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from simulators.model_provider.chat import ChatCall

MEMORY = 20_000
"""How many calls are kept in memory."""


@dataclass(slots=True)
class Call:
    """One call as it is logged.

    Attributes:
        prompt_sha256: Digest of the last user message.
        document_error: Why a message that names a task is no valid document.
        fault: The scripted fault that applied.
        ended_at: None while the call is open.
        status: HTTP status that was sent, None if none was.
        aborted: The client went away before the answer was sent.
    """

    id: str
    arrived_at: float
    model: str | None = None
    task: str | None = None
    step_id: str | None = None
    idempotency_key: str | None = None
    stream: bool = False
    prompt_sha256: str | None = None
    document_error: str | None = None
    fault: dict[str, Any] | None = None
    ended_at: float | None = None
    status: int | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    aborted: bool = False


_ARRIVED = (
    "id", "arrived_at", "model", "task", "step_id", "idempotency_key", "stream", "prompt_sha256", "document_error",
    "fault",
)  # fmt: skip
_ENDED = ("id", "ended_at", "status", "finish_reason", "usage", "aborted")


@dataclass(slots=True)
class CallLog:
    """Every call this server took."""

    path: Path | None = None
    _calls: deque[Call] = field(default_factory=lambda: deque(maxlen=MEMORY))
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _boot: str = field(default_factory=lambda: f"{time.time_ns():x}")
    _file: int | None = None

    def __post_init__(self) -> None:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def begin(self, call: ChatCall | None, idempotency_key: str | None, fault: dict[str, Any] | None) -> Call:
        """Record that a call arrived; `call` is None when it could not be read."""
        entry = Call(
            f"sim_{self._boot}_{next(self._numbers)}", time.time(), idempotency_key=idempotency_key, fault=fault
        )
        if call is not None:
            entry.model, entry.task, entry.step_id, entry.stream = call.model, call.task, call.step_id, call.stream
            entry.prompt_sha256, entry.document_error = call.prompt_sha256, call.document_error
        self._calls.append(entry)
        self._write("arrived", entry, _ARRIVED)
        return entry

    def end(self, entry: Call) -> None:
        """Record that a call is over."""
        entry.ended_at = time.time()
        self._write("ended", entry, _ENDED)

    def recent(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the calls in memory, oldest first, whose fields have the values of `filters`."""
        calls = (asdict(call) for call in self._calls)
        return [call for call in calls if all(call.get(name) == value for name, value in filters.items())]

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
