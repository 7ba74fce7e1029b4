"""A process's copy of the live settings, kept true: a change is seen within a second in every process."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

from domain.errors import InvalidInput, Unavailable
from domain.live_settings import LiveValues, checked, values_of
from services.storage import setting_versions
from services.storage.database import Database

POLL_S: Final = 0.5

_log = logging.getLogger(__name__)

Told = Callable[[LiveValues], Awaitable[None]]


class LiveSettings:
    """The settings, polled. What is set in the database goes before the environment's word, that before the defaults.

    Args:
        db: The database.
        bootstrap: What this process's environment says, by name, as JSON has it.
        poll_s: Seconds between two looks at the clock of changes.
    """

    def __init__(self, db: Database, bootstrap: Mapping[str, Any] | None = None, *, poll_s: float = POLL_S) -> None:
        self.bootstrap: Final = dict(bootstrap or {})
        self._db = db
        self._poll_s = poll_s
        self._seen = -1
        self._values = values_of(self.bootstrap, {})
        self._changed = asyncio.Condition()
        self._turn = asyncio.Lock()
        self._polling: asyncio.Task[None] | None = None
        self._followers: list[asyncio.Task[None]] = []

    @property
    def values(self) -> LiveValues:
        """What holds now; until the database has answered once, what the environment says."""
        return self._values

    async def start(self) -> None:
        """Read the settings, if the database answers, and keep them true from now on. Once is enough."""
        if self._polling is not None:
            return
        with contextlib.suppress(Unavailable):
            await self.refresh()
        self._polling = asyncio.create_task(self._poll(), name="live settings")

    async def close(self) -> None:
        """Stop."""
        tasks = [*self._followers, *([] if self._polling is None else [self._polling])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def follow(self, told: Told) -> None:
        """Have `told` hear the values, now and after each change. One that fails hears the next change again."""
        self._followers.append(asyncio.create_task(self._tell(told), name="follower of live settings"))

    async def refresh(self) -> None:
        """Take over what has changed.

        Raises:
            Unavailable: The database does not answer; the copy stays as it was.
        """
        async with self._turn:
            version = await setting_versions.clock(self._db)
            if version == self._seen:
                return
            stored = {name: each.value for name, each in (await setting_versions.newest(self._db)).items()}
            values = values_of(self.bootstrap, _usable(stored))
            self._seen = version
            async with self._changed:
                self._values = values
                self._changed.notify_all()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self.refresh()
            except Unavailable:
                continue
            except Exception:  # noqa: BLE001  a copy that grows old is better than none, and the next look may succeed
                _log.exception("the live settings could not be read")

    async def _tell(self, told: Told) -> None:
        heard: LiveValues | None = None
        while True:
            async with self._changed:
                await self._changed.wait_for(partial(self._is_news, heard))
                heard = self._values
            try:
                await told(heard)
            except Exception:  # noqa: BLE001  one who follows must not keep the others from hearing
                _log.exception("a change of the settings could not be followed")

    def _is_news(self, heard: LiveValues | None) -> bool:
        return self._values != heard


def _usable(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is set and may be: another build may have had other bounds."""
    found: dict[str, Any] = {}
    for name, value in stored.items():
        if value is None:
            continue
        try:
            found[name] = checked(name, value)
        except InvalidInput as error:
            _log.warning("a setting in the database is not used: %s", error)
    return found
