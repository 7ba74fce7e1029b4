"""Server-sent events as the chat APIs use them: one `data:` line an event. Lean, for every token runs through here."""

from domain.content import RESULT_LIMIT
from domain.errors import ModelAnswerTooLarge

LINE_LIMIT = 3 * RESULT_LIMIT
"""Bytes that one event may have: a whole answer in JSON's escapes."""


class EventLines:
    """Cuts a byte stream into the payloads of its `data:` lines."""

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that `data` completes.

        Raises:
            ModelAnswerTooLarge: A line has more than `LINE_LIMIT` bytes.
        """
        if b"\n" not in data:
            self._keep(data)
            return []
        first, *lines = data.split(b"\n")
        self._open.append(first)
        lines.insert(0, b"".join(self._open))
        self._open.clear()
        self._size = 0
        self._keep(lines.pop())
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]

    def rest(self) -> list[bytes]:
        """Return the payload of a last line that no newline ends."""
        return self.feed(b"\n")

    def _keep(self, data: bytes) -> None:
        if data:
            self._open.append(data)
            self._size += len(data)
        if self._size > LINE_LIMIT:
            raise ModelAnswerTooLarge(f"one event of the model's answer has more than {LINE_LIMIT} bytes")
