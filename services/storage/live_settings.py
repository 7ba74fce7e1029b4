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
from services.storage.polling import poll

POLL_S: Final = 0.5
RETRY_S: Final = 5.0
"""After so long a follower that failed hears the values again; then after twice that, and so on."""
RETRY_AT_MOST_S: Final = 600.0

_log = logging.getLogger(__name__)

Told = Callable[[LiveValues], Awaitable[None]]


class LiveSettings:
    """The settings, polled. What is set in the database goes before the environment's word, that before the defaults.

    Args:
        db: The database.
        bootstrap: What this process's environment says, by name, as JSON has it.
        poll_s: Seconds between two looks at the clock of changes.
        retry_s: Seconds until a follower that failed hears the values again, at first.
    """

    def __init__(
        self,
        db: Database,
        bootstrap: Mapping[str, Any] | None = None,
        *,
        poll_s: float = POLL_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self.bootstrap: Final = dict(bootstrap or {})
        self._db = db
        self._poll_s = poll_s
        self._retry_s = retry_s
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
        self._polling = asyncio.create_task(poll(self.refresh, self._poll_s, "the live settings"), name="live settings")

    async def close(self) -> None:
        """Stop."""
        tasks = [*self._followers, *([] if self._polling is None else [self._polling])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def follow(self, told: Told) -> None:
        """Have `told` hear the values, now and after each change. One that fails hears them again a little later."""
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

    async def _tell(self, told: Told) -> None:
        heard: LiveValues | None = None
        pause_s: float | None = None
        while True:
            await self._news(heard, pause_s)
            heard = self._values
            try:
                await told(heard)
            except Exception as error:  # noqa: BLE001  one who follows must not keep the others from hearing
                _log.warning("the settings could not be followed", exc_info=not isinstance(error, Unavailable))
                pause_s = min(self._retry_s if pause_s is None else 2 * pause_s, RETRY_AT_MOST_S)
            else:
                pause_s = None

    async def _news(self, heard: LiveValues | None, at_most_s: float | None) -> None:
        """Wait until the values are others than those, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s), self._changed:
                await self._changed.wait_for(partial(self._is_news, heard))

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
