"""Lines out of a stream of bytes: one that is too long is reported by its beginning, and never held."""

import re
from collections.abc import Iterator
from typing import NamedTuple

HEAD = 512
"""Bytes of an overlong line that are kept."""
_ID = re.compile(rb'"id"\s*:\s*(\d{1,18}|"[^"\\]{1,100}")')


class Overlong(NamedTuple):
    """The beginning of a line that was over the limit."""

    head: bytes


def answered_id(line: bytes) -> int | str | None:
    """Return the id of the request that a line answers, if its beginning tells."""
    found = _ID.search(line[:HEAD])
    if found is None:
        return None
    text = found[1].decode(errors="replace")
    return int(text) if text.isdigit() else text.strip('"')


class Lines:
    """Splits a stream at newlines.

    Attributes:
        limit: Bytes that a line may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self.skipping = False
        """Whether the stream is within a line that was reported as overlong."""

    def feed(self, chunk: bytes) -> Iterator[bytes | Overlong]:
        """Take the next bytes and yield the lines that end in them; an overlong one as soon as it is one."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            yield from self._take(part)
            if not self.skipping:
                yield b"".join(self._parts)
            self._reset()
        yield from self._take(rest)

    def _take(self, part: bytes) -> Iterator[Overlong]:
        if self.skipping:
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._limit:
            yield Overlong(b"".join(self._parts)[:HEAD])
            self._reset()
            self.skipping = True

    def _reset(self) -> None:
        self._parts, self._size, self.skipping = [], 0, False
