"""A page of a request's event log."""

from dataclasses import dataclass
from typing import Final

from api.caller import Caller
from api.documents.events import EventPage
from api.parts import Parts
from domain.events import EventType
from services.storage import events
from services.storage.database import Tx
from services.storage.events import StoredEvent
from services.storage.views.requests import check_owner

_READ_AT_ONCE: Final = 200
_READS: Final = 10


@dataclass(frozen=True)
class Page:
    """What to read: at most `limit` events with a number above `after`, of these types (None: of all)."""

    after: int
    limit: int
    types: frozenset[EventType] | None = None


async def load_events(parts: Parts, caller: Caller, request_id: str, page: Page) -> EventPage:
    """Return a page of events. It looks at 2,000 at most, so where wanted ones are rare it may be empty.

    Raises:
        NotFound: There is no such request, or it is another owner's.
    """
    found: list[StoredEvent] = []
    last, more = page.after, True
    async with parts.database.transaction() as tx:
        await check_owner(tx, caller.owner, request_id)
        for _ in range(_READS):
            seen, more = await _look(tx, request_id, last, page.limit - len(found), page.types)
            last = seen[-1].seq if seen else last
            found += [event for event in seen if _is_wanted(event, page.types)]
            if not more or len(found) == page.limit:
                break
    return EventPage(request_id=request_id, events=found, next_after=last, more=more)


async def _look(
    tx: Tx, request_id: str, after: int, wanted: int, types: frozenset[EventType] | None
) -> tuple[list[StoredEvent], bool]:
    """Return the next events up to the last one that is wanted, and whether there are more."""
    read = await events.read(tx, request_id, after, _READ_AT_ONCE)
    fits = [index for index, event in enumerate(read) if _is_wanted(event, types)][:wanted]
    seen = read[: fits[-1] + 1] if len(fits) == wanted else read
    return seen, len(seen) < len(read) or len(read) == _READ_AT_ONCE


def _is_wanted(event: StoredEvent, types: frozenset[EventType] | None) -> bool:
    return types is None or event.type in types
