"""What went by: every call, in memory, and every write, in memory and as append-only JSON lines in a file.

A write is noted when it has changed something, before its answer is sent; a refused one stands among the calls only.
Times are seconds since 1970, UTC.
"""

import json
import os
import time
from collections import deque
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

MEMORY = 20_000
"""How many calls, and how many writes, are kept in memory."""

Entry = dict[str, Any]


class Records:
    """The calls and writes of one server."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the records; writes are appended to the file at `path`."""
        self._calls: deque[Entry] = deque(maxlen=MEMORY)
        self._writes: deque[Entry] = deque(maxlen=MEMORY)
        self._numbers = count(1)
        self._file: int | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def call(self, method: str, path: str, query: str) -> Entry:
        """Record that a call arrived; its `status` is added when it is answered."""
        entry: Entry = {
            "id": f"call_{next(self._numbers)}",
            "arrived_at": time.time(),
            "method": method,
            "path": path,
            "query": query,
            "fault": None,
            "status": None,
        }
        self._calls.append(entry)
        return entry

    def write(self, kind: str, key: str, detail: Mapping[str, Any]) -> None:
        """Record a change: what kind (`issue.created`), of what (its key or id), with which content."""
        entry: Entry = {"id": f"write_{next(self._numbers)}", "at": time.time(), "kind": kind, "key": key, **detail}
        self._writes.append(entry)
        if self._file is not None:
            os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")

    def calls(self, filters: Mapping[str, str]) -> list[Entry]:
        """Return the calls in memory, oldest first, whose fields have the values of `filters`."""
        return _chosen(self._calls, filters)

    def writes(self, filters: Mapping[str, str]) -> list[Entry]:
        """Return the writes in memory, in the same way."""
        return _chosen(self._writes, filters)

    def clear(self) -> None:
        """Forget what is in memory; the file stays."""
        self._calls.clear()
        self._writes.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _chosen(entries: deque[Entry], filters: Mapping[str, str]) -> list[Entry]:
    return [entry for entry in entries if all(str(entry.get(name)) == value for name, value in filters.items())]
