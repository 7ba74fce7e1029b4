"""Who scraped `/metrics` of late: they are answered also while the database, which knows the keys, is away."""

import hashlib
import time
from collections import OrderedDict
from typing import Final

from starlette.requests import HTTPConnection

from api.caller import Caller, credential_of
from domain.permissions import Permission

PATH: Final = "/metrics"
KEPT_S: Final = 3600.0
MOST: Final = 100


class Scrapers:
    """The last callers of this process's figures, by what their keys hash to."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    def note(self, connection: HTTPConnection, caller: Caller) -> None:
        """Remember who asks for the figures, and may have them; whoever may not any more is forgotten."""
        if connection.scope["path"] != PATH:
            return
        if not caller.may(Permission.METRICS_READ):
            self.forget(connection)
            return
        self._known[_mark(connection)] = (time.monotonic(), caller)
        self._known.move_to_end(_mark(connection))
        while len(self._known) > MOST:
            self._known.popitem(last=False)

    def forget(self, connection: HTTPConnection) -> None:
        """Know a scraper no more: their key has been refused."""
        self._known.pop(_mark(connection), None)

    def find(self, connection: HTTPConnection) -> Caller | None:
        """Return who asks for the figures, if they got them within the last hour.

        Raises:
            Unauthenticated: They bring no key.
        """
        if connection.scope["path"] != PATH:
            return None
        at, caller = self._known.get(_mark(connection), (0.0, None))
        return caller if time.monotonic() - at <= KEPT_S else None


def _mark(connection: HTTPConnection) -> bytes:
    return hashlib.sha256(credential_of(connection).encode("utf-8", "surrogatepass")).digest()
