"""The GatewayCalls port: calls fly in their process, and activities look at them, wait for them, or end them.

A call that is begun by a local activity outlives it: the local activity says after two seconds that the call is flying,
and an ordinary one, sent to this very process, follows it. If the process dies, any other takes the call over.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.attempt import check_cancelled_on_purpose
from activities.errors import Mapped
from activities.granting import Granting
from activities.heartbeat import Beating
from contracts.gateway import PATIENCE_S, CallLaunch, CallMade, Flights, GatewayCalls
from contracts.jobs import SLOT_PATIENCE_S
from domain.call_errors import call_error
from domain.caller_errors import Forbidden
from domain.errors import ModelUnknown, NoCapacity, Unavailable
from domain.gateway import CallOutcome
from services.llm.gateway import CANCELLED, TIMED_OUT, Gateway, GatewayCall, MustWait

REMEMBERED = 1000
"""Ended flights that are still known to those who follow them late."""
JUST_ASKED = timedelta(seconds=5)
"""A call that is begun within this time needs no second look at its caller's rights."""


@dataclass
class Flight:
    """A call under way in this process. `halted`: it is to end on purpose."""

    task: asyncio.Task[CallMade]
    halted: bool = False

    def halt(self) -> None:
        """End the call; asked again, nothing: what it is about to store is not to be cut."""
        if not self.halted:
            self.halted = True
            self.task.cancel()


class ModelGateway(GatewayCalls, Flights):
    """Gateway calls, made by a model. `queue`: the task queue that only this process serves."""

    def __init__(self, gateway: Gateway, queue: str, granting: Granting | None = None) -> None:
        self._gateway = gateway
        self._granting = granting or Granting()
        self.queue = queue
        self._flights: OrderedDict[str, Flight] = OrderedDict()

    async def close(self, within_s: float) -> None:
        """Give calls under way a little time, then leave them to other processes."""
        flying = [flight.task for flight in self._flights.values() if not flight.task.done()]
        if not flying:
            return
        _, late = await asyncio.wait(flying, timeout=within_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    @activity.defn(name="make_call")
    async def make_call(self, launch: CallLaunch) -> CallMade:
        """Make the call, or take it over from a process that died; as a local activity, answer `flying` in time."""
        with Mapped():
            if launch.halt is not None:
                return await self._halt(launch)
            is_local, flies = activity.info().is_local, launch.options.flies
            if is_local and flies not in (None, self.queue):
                return CallMade(state="flying", queue=flies)
            flight = self._flights.get(launch.call_id) or self._begin(launch)
            if is_local:
                return await self._look(flight)
            async with Beating():
                return await self._wait(flight)

    @activity.defn(name="follow_call")
    async def follow_call(self, launch: CallLaunch) -> CallMade:
        """Wait, in the process that makes the call, for its end; a cancellation ends the call."""
        with Mapped():
            flight = self._flights.get(launch.call_id)
            if flight is None:
                raise ApplicationError("this process does not make the call", type="NoFlight", non_retryable=True)
            async with Beating():
                if launch.halt is not None:
                    flight.halt()
                return await self._wait(flight)

    def begin(self, launch: CallLaunch) -> None:
        """Begin a call that was accepted this moment."""
        self._begin(launch)

    def halt(self, call_id: str) -> bool:
        """End a call on purpose; return whether it was in the air here."""
        flight = self._flights.get(call_id)
        if flight is None or flight.task.done():
            return False
        flight.halt()
        return True

    def _begin(self, launch: CallLaunch) -> Flight:
        flight = Flight(asyncio.create_task(self._fly(launch), name=f"flight {launch.call_id}"))
        self._flights[launch.call_id] = flight
        flight.task.add_done_callback(lambda _: self._landed(launch.call_id, flight))
        return flight

    def _landed(self, call_id: str, flight: Flight) -> None:
        """Forget what must be begun anew, and the oldest of what has ended."""
        failed = flight.task.cancelled() or flight.task.exception() is not None
        if failed or flight.task.result().state == "waiting":
            self._flights.pop(call_id, None)
        while len(self._flights) > REMEMBERED:
            oldest = next(iter(self._flights))
            if not self._flights[oldest].task.done():
                self._flights.move_to_end(oldest)
                return
            del self._flights[oldest]

    async def _fly(self, launch: CallLaunch) -> CallMade:
        call, flight = _call(launch), self._flights[launch.call_id]
        try:
            patience_s = SLOT_PATIENCE_S if call.options.background else PATIENCE_S
            if call.options.background or datetime.now(UTC) - call.accepted_at > JUST_ASKED:
                await self._granting.check_call(launch)
            outcome = await self._gateway.make(call, patience_s, lambda: flight.halted)
        except (Forbidden, ModelUnknown) as refused:
            outcome = await self._gateway.end(call, CallOutcome(phase="failed", error=call_error(refused)))
        except MustWait as wait:
            return CallMade(state="waiting", retry_after_s=wait.retry_after_s)
        except asyncio.CancelledError:
            if not flight.halted:
                raise
            outcome = await self._gateway.end(call, CallOutcome(phase="cancelled", error=CANCELLED))
        return _made(outcome)

    async def _look(self, flight: Flight) -> CallMade:
        done, _ = await asyncio.wait({flight.task}, timeout=PATIENCE_S)
        return await _result(flight) if done else CallMade(state="flying", queue=self.queue)

    async def _wait(self, flight: Flight) -> CallMade:
        try:
            await asyncio.wait({flight.task})
        except asyncio.CancelledError:
            check_cancelled_on_purpose()
            flight.halt()
            await asyncio.wait({flight.task})
        made = await _result(flight)
        if made.state == "waiting":
            raise NoCapacity("no account is free", made.retry_after_s)
        return made

    async def _halt(self, launch: CallLaunch) -> CallMade:
        """End a call that is not, or no longer, to be made."""
        flight = self._flights.get(launch.call_id)
        if flight is not None:
            flight.halt()
            await asyncio.wait({flight.task})
            return await _result(flight)
        failed = launch.halt == "failed"
        error = TIMED_OUT if failed else CANCELLED
        outcome = CallOutcome(phase="failed" if failed else "cancelled", error=error)
        return _made(await self._gateway.end(_call(launch), outcome))


async def _result(flight: Flight) -> CallMade:
    try:
        return flight.task.result()
    except asyncio.CancelledError:
        raise Unavailable("this worker stops; another attempt goes on", retry_after_s=0.1) from None


def _made(outcome: CallOutcome) -> CallMade:
    code = outcome.error.code if outcome.error else None
    return CallMade(state=outcome.phase, error_code=code, cost_micros=outcome.cost_micros)


def _call(launch: CallLaunch) -> GatewayCall:
    return GatewayCall(launch.call_id, launch.owner, launch.body, launch.options, launch.accepted_at)
