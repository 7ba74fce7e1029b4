"""What all parts of a request's workflow share: its state, and how it calls activities.

Events that the workflow decided ride in the next coordinator activity's input, or go out by one local activity; a
carrier that failed gives its events back, and the log drops what it has already.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from contracts.calls import RecordInput, RequestFacts, Work
from contracts.names import RequestInput
from contracts.policies import COORDINATOR_TIMEOUT_S, DATABASE_WORK, model_work
from contracts.ports import Recording
from domain.events import Event
from domain.run_state import RunState

Input = TypeVar("Input", bound=Work)
Output = TypeVar("Output")


class Shell:
    """The request, its state, and the ways out of the workflow."""

    def __init__(self, request: RequestInput, state: RunState, show: Callable[[], None]) -> None:
        """`show` is called whenever the state is about to be recorded: what people see follows the log.

        `rules_seen` counts the changes of the tool policy that this run was told of.
        """
        self.request = request
        self.state = state
        self.changed = False
        self.rules_seen = 0
        self._show = show

    @property
    def facts(self) -> RequestFacts:
        """The request's facts with the model as amended."""
        facts = self.request.facts
        if self.state.model == facts.options.model:
            return facts
        return facts.model_copy(update={"options": facts.options.model_copy(update={"model": self.state.model})})

    @property
    def stopped(self) -> bool:
        """Whether the request is to end before its plan does."""
        return self.state.stop is not None

    def wake(self) -> None:
        """Let the main loop look at the state again."""
        self.changed = True

    async def coordinate(
        self, method: Callable[[Any, Input], Awaitable[Output]], work: Input, summary: str
    ) -> Output | None:
        """Run one of the coordinator's activities; a stop cancels it.

        Returns:
            Its result, or None when a stop cancelled it before it had one.

        Raises:
            ActivityError: It failed for good.
        """
        self._show()
        events = self.state.take_outbox()
        handle = workflow.start_activity_method(
            method,
            work.model_copy(update={"events": events}),
            summary=summary,
            **model_work(COORDINATOR_TIMEOUT_S),
        )
        await workflow.wait_condition(lambda: handle.done() or self.stopped)
        if not handle.done():
            handle.cancel()
        try:
            return await handle
        except ActivityError:
            self._give_back(events)
            if self.stopped:
                return None
            raise

    async def flush(self) -> None:
        """Record what has been decided, if no activity has taken it along."""
        self._show()
        while self.state.outbox:
            events = self.state.take_outbox()
            try:
                await workflow.execute_local_activity_method(
                    Recording.record, RecordInput(facts=self.facts, events=events), summary="record", **DATABASE_WORK
                )
            except FailureError:
                self._give_back(events)
                raise

    def _give_back(self, events: tuple[Event, ...]) -> None:
        self.state.outbox[:0] = events
