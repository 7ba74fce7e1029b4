"""Who follows which request, and how far each is. Gapless numbers make it simple: a jump means something was missed."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from services.storage.events import StoredEvent


class Follower:
    """One subscriber. `behind`: it must read the table from `position` on before it takes from its queue."""

    def __init__(self, request_id: str, after: int, queue_size: int) -> None:
        self.request_id = request_id
        self.position = after
        self.behind = True
        self._size = queue_size
        self._queue: deque[StoredEvent] = deque()
        self._news = asyncio.Event()

    def offer(self, event: StoredEvent) -> None:
        """Take an event if there is room; else fall behind."""
        if len(self._queue) < self._size:
            self._queue.append(event)
        else:
            self.behind = True
        self._news.set()

    def wake(self) -> None:
        """Let `news` return, with nothing if there is nothing."""
        self._news.set()

    def start_over(self) -> None:
        """Forget the queue: the table will be read."""
        self._queue.clear()
        self.behind = False

    def caught_up_with(self, page: Sequence[StoredEvent], *, more: bool) -> bool:
        """Go on after a page of the table (`more`: there is probably another); return whether that was all."""
        if page:
            self.position = page[-1].seq
        self.behind = self.behind or more
        return not self.behind

    async def news(self) -> list[StoredEvent]:
        """Wait, then return the queued events that follow on from the position."""
        await self._news.wait()
        self._news.clear()
        fresh: list[StoredEvent] = []
        while self._queue and not self.behind:
            event = self._queue.popleft()
            if event.seq == self.position + 1:
                self.position = event.seq
                fresh.append(event)
            elif event.seq > self.position:
                self.behind = True
        return fresh


class _Feed:
    """The followers of one request, and the last event they were offered."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.followers: list[Follower] = []


class Feeds:
    """All followed requests. `changed` is set while some may have news."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._feeds: dict[str, _Feed] = {}
        self._marked: set[str] = set()

    def join(self, follower: Follower) -> None:
        """Let a follower that read the table hear of news; if others heard some before, it reads again."""
        feed = self._feeds.get(follower.request_id)
        if feed is None:
            feed = self._feeds[follower.request_id] = _Feed(follower.position)
            self.mark([follower.request_id])
        if follower not in feed.followers:
            feed.followers.append(follower)
        follower.behind = follower.behind or feed.position > follower.position

    def leave(self, follower: Follower) -> None:
        """Forget a follower."""
        feed = self._feeds.get(follower.request_id)
        if feed is None or follower not in feed.followers:
            return
        feed.followers.remove(follower)
        if not feed.followers:
            del self._feeds[follower.request_id]

    def mark(self, request_ids: Iterable[str]) -> None:
        """Note that these requests may have news; those nobody follows are left out."""
        self._marked.update(request_id for request_id in request_ids if request_id in self._feeds)
        if self._marked:
            self.changed.set()

    def mark_all(self) -> None:
        """Note that any request may have news."""
        self.mark(self._feeds)

    def take_changed(self) -> dict[str, int]:
        """Return the marked requests and how far each is; they are no longer marked."""
        marked, self._marked = self._marked, set()
        self.changed.clear()
        return {request_id: self._feeds[request_id].position for request_id in marked if request_id in self._feeds}

    def offer(self, request_id: str, event: StoredEvent) -> None:
        """Give an event to the request's followers."""
        feed = self._feeds.get(request_id)
        if feed is None or event.seq <= feed.position:
            return
        feed.position = event.seq
        for follower in feed.followers:
            follower.offer(event)

    def end(self) -> None:
        """Wake every follower, so that its subscription can end."""
        for feed in self._feeds.values():
            for follower in feed.followers:
                follower.wake()
