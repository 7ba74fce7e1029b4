"""A gateway call's workflow: begun in a local activity, followed where it flies, taken over when its process dies."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from contracts.fairness import fair_priority
from contracts.gateway import (
    CallActivityOptions,
    CallLaunch,
    CallMade,
    GatewayCalls,
    begin_call,
    call_work,
    follow_call,
)
from contracts.jobs import job_work
from contracts.names import PHASE
from contracts.webhooks import WebhookDelivery, Webhooks, webhook_work

LONGEST_S = 3600.0
MARGIN_S = 30.0
"""The call ends itself at its time-out; Temporal's own bound is the backstop."""


class CallRunner:
    """Runs one call to its end. `halt` ends it early; what it has cost is known all the same."""

    def __init__(self, launch: CallLaunch) -> None:
        self._launch = launch
        self._halted = False
        self._handle: workflow.ActivityHandle[CallMade] | None = None

    def halt(self) -> None:
        """End the call as soon as whoever makes it has settled."""
        self._halted = True
        if self._handle is not None:
            self._handle.cancel()

    async def run(self) -> CallMade:
        """Run the call to its end."""
        made = await self._begin()
        self._launch = self._without_flight()
        while made.state in ("flying", "waiting"):
            made = await (self._follow(made) if made.state == "flying" else self._wait(made))
        if self._launch.search_attributes:
            workflow.upsert_search_attributes([PHASE.value_set(made.state)])
        await self._tell()
        return made

    async def _begin(self) -> CallMade:
        """Have the call begun in the process that has this task, where that is the quickest way."""
        if self._launch.options.background:
            return await self._make()
        try:
            return await workflow.execute_local_activity_method(
                GatewayCalls.make_call, self._launch, summary="call", **begin_call()
            )
        except FailureError:  # of a local activity it is the failure itself, in no ActivityError
            return await self._make()

    def _without_flight(self) -> CallLaunch:
        """Return the launch for whatever is begun later: the process that began the call at once did so once."""
        options = self._launch.options.model_copy(update={"flies": None})
        return self._launch.model_copy(update={"options": options})

    async def _follow(self, made: CallMade) -> CallMade:
        """Follow a call to where it is made; when that process is gone, have another take it over."""
        launch = self._launch.model_copy(update={"halt": "cancelled"}) if self._halted else self._launch
        try:
            return await self._run(GatewayCalls.follow_call, launch, made.queue)
        except ActivityError:
            return await self._make()

    async def _wait(self, made: CallMade) -> CallMade:
        """Wait for capacity, then ask again."""
        pause = timedelta(seconds=max(made.retry_after_s, 0.02))
        try:
            await workflow.wait_condition(lambda: self._halted, timeout=pause)
        except TimeoutError:
            return await self._begin()
        return await self._end("cancelled")

    async def _make(self) -> CallMade:
        if self._is_halted():
            return await self._end("cancelled")
        try:
            return await self._run(GatewayCalls.make_call, self._launch, None)
        except ActivityError:
            return await self._end("cancelled" if self._is_halted() else "failed")

    def _is_halted(self) -> bool:
        return self._halted

    async def _end(self, how: Literal["cancelled", "failed"]) -> CallMade:
        """Put an end on record for which no model has to be asked."""
        self._handle = None
        launch = self._launch.model_copy(update={"halt": how})
        return await workflow.execute_activity_method(
            GatewayCalls.make_call, launch, summary=f"end: {how}", **call_work(MARGIN_S, 0)
        )

    async def _tell(self) -> None:
        """Tell a job's end to its webhook; what cannot be told stands on record."""
        webhook = self._launch.options.webhook
        if webhook is None:
            return
        launch, info = self._launch, workflow.info()
        delivery = WebhookDelivery(call_id=launch.call_id, owner=launch.owner, url=webhook.url, content=webhook.content)
        priority = fair_priority(launch.options.priority, launch.tenant)
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity_method(
                Webhooks.deliver_webhook, delivery, summary="webhook", **webhook_work(info.task_queue, priority)
            )

    async def _run(
        self, method: Callable[[GatewayCalls, CallLaunch], Awaitable[CallMade]], launch: CallLaunch, queue: str | None
    ) -> CallMade:
        """Run an ordinary activity: in the process that serves `queue`, or, None, in any; a job in its turn."""
        options = launch.options
        timeout_s = (options.timeout_s or LONGEST_S) + MARGIN_S
        if queue is not None:
            work: CallActivityOptions = follow_call(timeout_s, queue)
        elif options.background:
            info = workflow.info()
            work = job_work(info.task_queue, fair_priority(options.priority, launch.tenant), timeout_s)
        else:
            work = call_work(timeout_s, options.wait_s or 0)
        handle = workflow.start_activity_method(method, launch, summary="call", **work)
        self._handle = handle
        if self._halted and launch.halt is None:
            handle.cancel()
        try:
            return await handle
        finally:
            self._handle = None
