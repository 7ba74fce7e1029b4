"""Events on the wire, a page at a time."""

from pydantic import BaseModel, Field

from services.storage.events import StoredEvent


class EventPage(BaseModel):
    """Events of a request, oldest first. `more`: there are further ones now; ask for those after `next_after`."""

    request_id: str
    events: list[StoredEvent]
    next_after: int = Field(description="The number of the last event that was looked at.")
    more: bool
