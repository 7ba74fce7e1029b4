"""Server-sent events as the chat APIs use them: their `data`, event by event. Lean, for every token is read here."""

from codecs import BOM_UTF8

from domain.content import RESULT_LIMIT
from domain.errors import ModelAnswerTooLarge

EVENT_LIMIT = 3 * RESULT_LIMIT
"""Bytes that one event may have: a whole answer in JSON's escapes."""

_LINE_COST = 64
"""Bytes that a line costs beside what it holds."""


class EventLines:
    """Cuts a byte stream into the payloads of its events.

    Reads what servers send beside the standard, too: a byte order mark, a last event that no empty line ends, and JSON
    objects on lines of their own without an empty line between them.

    `heard`: there was a line of the protocol, be it a comment only.
    """

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._open_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._begun = False
        self.heard = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that `data` completes.

        Raises:
            ModelAnswerTooLarge: An event has more than `EVENT_LIMIT` bytes.
        """
        if b"\n" not in data:
            self._keep(data)
            return []
        lines = data.split(b"\n")
        if self._open:
            lines[0] = b"".join((*self._open, lines[0]))
            self._open.clear()
            self._open_size = 0
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(BOM_UTF8)
        self._keep(lines.pop())
        payloads: list[bytes] = []
        for line in lines:
            self._read(line, payloads)
        return payloads

    def rest(self) -> list[bytes]:
        """Return the payload of a last event that no empty line ends."""
        return self.feed(b"\n\n")

    def _read(self, line: bytes, payloads: list[bytes]) -> None:
        if line.startswith(b"data:"):
            data = line[5:].strip()
            if self._data and self._data[-1][-1:] in (b"}", b"]") and data[:1] in (b"{", b"["):
                self._end_event(payloads)  # within one JSON text no line can begin so after such an end
            self._data.append(data)
            self._data_size += len(data) + _LINE_COST
            self._bound(self._data_size)
        elif not line or line == b"\r":
            self._end_event(payloads)
        elif line.startswith((b":", b"event:", b"id:", b"retry:")):
            self.heard = True

    def _end_event(self, payloads: list[bytes]) -> None:
        if not self._data:
            return
        self.heard = True
        payload = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._data_size = 0
        if payload:
            payloads.append(payload)

    def _keep(self, data: bytes) -> None:
        if data:
            self._open.append(data)
            self._open_size += len(data)
            self._bound(self._open_size)

    def _bound(self, size: int) -> None:
        if size > EVENT_LIMIT:
            raise ModelAnswerTooLarge(f"one event of the model's answer has more than {EVENT_LIMIT} bytes")
