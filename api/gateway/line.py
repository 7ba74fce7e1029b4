"""One line of chunks from several ways by which they come: twice, late, or ahead of what is still missing."""

from api.gateway.pieces import START, Piece, Place

AHEAD_LIMIT = 1000
"""Pieces that are kept while something before them is missing. What is dropped comes again, from the log."""


class Line:
    """Where a listener stands in an answer. Of each attempt it passes every chunk on once, in order."""

    def __init__(self, start: Place = START) -> None:
        """Begin after the chunk that the listener has."""
        self.n = start.n
        self.next = start.after + 1
        self._ahead: list[Piece] = []

    @property
    def has_gap(self) -> bool:
        """Whether something is missing before what has come."""
        return bool(self._ahead)

    def take(self, piece: Piece) -> list[Piece]:
        """Take a piece, and return what may now be passed on. A higher attempt starts anew; a lower one is void."""
        if piece.n < self.n:
            return []
        if piece.n > self.n:
            self._start_anew(piece.n)
        if piece.first > self.next:
            if len(self._ahead) < AHEAD_LIMIT:
                self._ahead.append(piece)
            return []
        due = [self._cut(piece)]
        while self._ahead:
            following = min(self._ahead, key=lambda ahead: ahead.first)
            if following.first > self.next:
                break
            self._ahead.remove(following)
            due.append(self._cut(following))
        return [cut for cut in due if cut.chunks]

    def _start_anew(self, n: int) -> None:
        self.n = n
        self.next = 0
        self._ahead.clear()

    def _cut(self, piece: Piece) -> Piece:
        """Return what of a piece is new, and stand behind it."""
        fresh = piece.chunks[self.next - piece.first :]
        cut = Piece(piece.n, self.next, fresh)
        self.next += len(fresh)
        return cut
