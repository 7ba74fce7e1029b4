"""The schedules of an installation, kept as the live settings have them."""

from collections.abc import Awaitable, Callable
from functools import partial

from temporalio.client import Client

from domain.errors import Unavailable
from domain.live_settings import LiveValues
from runtime import schedules

Ensure = Callable[[], Awaitable[bool]]


class HouseKeeping:
    """Brings the schedules up to date. Every worker does; what one does again is the same."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._at = (client, task_queue)
        self._done: dict[str, object] = {}

    async def keep(self, values: LiveValues) -> None:
        """Make those schedules, or bring them up to date, whose values are others than before, or which failed then.

        Raises:
            Unavailable: Temporal did not take all of them; the same call again is right.
        """
        for name, goes_by, ensure in self._wanted(values):
            if self._done.get(name) != goes_by and await ensure():
                self._done[name] = goes_by
        late = [name for name, goes_by, _ in self._wanted(values) if self._done.get(name) != goes_by]
        if late:
            raise Unavailable(f"schedules could not be brought up to date: {', '.join(late)}")

    def _wanted(self, values: LiveValues) -> list[tuple[str, object, Ensure]]:
        """Return each schedule with the values that it goes by, and how it is brought up to date."""
        refresh, check = values.tool_refresh_s, values.pool_check_s
        purge = (values.keep, values.purge_every_s)
        ledger, reconcile = values.ledger_check_s, values.ledger_reconcile_s
        return [
            ("refresh", refresh, partial(schedules.ensure_refresh_schedule, *self._at, refresh)),
            ("check", check, partial(schedules.ensure_check_schedule, *self._at, check)),
            ("purge", purge, partial(schedules.ensure_purge_schedule, *self._at, *purge)),
            ("ledger", ledger, partial(schedules.ensure_ledger_check_schedule, *self._at, ledger)),
            ("reconcile", reconcile, partial(schedules.ensure_reconcile_schedule, *self._at, reconcile)),
        ]
