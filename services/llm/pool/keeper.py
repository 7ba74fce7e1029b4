"""Keeps the leases of this process alive: all renewed together. Those of a dead process expire by themselves."""

import asyncio
import logging
from dataclasses import dataclass

from domain.errors import Unavailable
from services.llm.pool import leases, sessions
from services.storage.database import Database

RENEW_EVERY_S = 3.0
CLEAN_EVERY = 20
"""Renewals between two rounds of forgetting what is over."""
OVERDUE_S = 300.0
"""A call that does not come back for so long waits no more."""
MOST = 10_000
"""Leases that one process holds."""
GRACE_S = 30.0
"""A lease that is not ended so long after its call had to be is not renewed any more: somebody lost it."""

_log = logging.getLogger(__name__)


@dataclass
class _Held:
    """A lease that is renewed until `until`; `answered_at`: when the first byte of the answer came."""

    until: float
    answered_at: float | None = None


class LeaseKeeper:
    """The open leases of a process. Times are the event loop's."""

    def __init__(self, db: Database, *, renew_every_s: float = RENEW_EVERY_S) -> None:
        self._db = db
        self._renew_every_s = renew_every_s
        self._held: dict[str, _Held] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether this process holds as many leases as it may."""
        return len(self._held) >= MOST

    async def start(self) -> None:
        """Begin to renew."""
        self._task = asyncio.create_task(self._run(), name="lease keeper")

    async def close(self) -> None:
        """Stop. Leases that are still open expire."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def hold(self, lease_id: str, timeout_s: float) -> None:
        """Renew a lease from now on; its call takes at most `timeout_s`."""
        self._held[lease_id] = _Held(asyncio.get_running_loop().time() + timeout_s + GRACE_S)

    def answered(self, lease_id: str) -> None:
        """Note that the first byte of the answer came: the provider counted the call before now."""
        held = self._held.get(lease_id)
        if held is not None and held.answered_at is None:
            held.answered_at = asyncio.get_running_loop().time()

    def drop(self, lease_id: str) -> None:
        """Renew a lease no more."""
        self._held.pop(lease_id, None)

    async def renew(self) -> None:
        """Renew all, and tell of which the answer has begun. Raises Unavailable."""
        now = asyncio.get_running_loop().time()
        self._held = {lease_id: held for lease_id, held in self._held.items() if held.until > now}
        if self._held:
            await leases.renew(self._db, {lease_id: _since(held, now) for lease_id, held in self._held.items()})

    async def clean(self) -> None:
        """Forget sessions that are over and calls that did not come back. Raises Unavailable."""
        await sessions.forget_old(self._db)
        await leases.forget_overdue(self._db, OVERDUE_S)

    async def _run(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(self._renew_every_s)
            try:
                await self.renew()
                rounds += 1
                if rounds % CLEAN_EVERY == 0:
                    await self.clean()
            except Unavailable:
                continue
            except Exception:  # noqa: BLE001  leases that are not renewed would let others exceed limits: go on
                _log.exception("leases could not be renewed")


def _since(held: _Held, now: float) -> float | None:
    return None if held.answered_at is None else now - held.answered_at
