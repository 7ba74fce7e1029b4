"""One step as Temporal runs it: the product's StepWorkflow with one activity, whose own time its history tells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from bench.tools.bare import CallFailedError
from bench.tools.ours import OWNER, STEP, Requests, action_of, ready_call
from bench.tools.way import TEXT, Way
from contracts.calls import RequestFacts, StepLaunch
from contracts.names import STEP_WORKFLOW
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain import ids
from domain.content import Text
from domain.step import Step, StepKind, StepResult, StepStatus
from domain.tool_server import ToolServer

TOOL: Final = "activity call_tool"
WITHOUT: Final = "the same activity without a tool"
GENERATE: Final = "activity execute_step, instant model"

_STARTED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
_COMPLETED: Final = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
Launch = Callable[[RequestFacts], StepLaunch]


@dataclass(frozen=True)
class Queue:
    """Where a worker of the product waits for work."""

    client: Client
    name: str
    accepted: Requests

    def way(self, name: str, launch: Launch) -> Way:
        """Run a launch; what counts is the activity, from its start at the worker to its end, by the server's clock."""

        async def once() -> float:
            facts = RequestFacts(request_id=self.accepted.take(), owner=OWNER, message=Text.inline(TEXT))
            handle = await self._start(launch(facts))
            result = await handle.result()
            if result.status is not StepStatus.SUCCEEDED:
                raise CallFailedError(f"{name}: {result.status}, {result.note}")
            return await activity_s(handle)

        return Way(name, "http", once, kind="activity", prepare=self.accepted.prepare)

    async def _start(self, launch: StepLaunch) -> WorkflowHandle[object, StepResult]:
        return await self.client.start_workflow(
            STEP_WORKFLOW,
            launch,
            id=ids.step_workflow_id(launch.facts.request_id, launch.step.id, launch.first_round),
            task_queue=self.name,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            result_type=StepResult,
        )


async def activity_s(handle: WorkflowHandle[object, StepResult]) -> float:
    """The time of an ended workflow's one activity, in seconds."""
    history = await handle.fetch_history()
    times = {event.event_type: event.event_time.ToNanoseconds() for event in history.events}
    return (times[_COMPLETED] - times[_STARTED]) / 1e9


async def calling(accepted: Requests, server: ToolServer) -> Launch:
    """A step that calls `echo`."""
    call = await ready_call(accepted.db, server, "echo", {"text": TEXT})
    action = action_of(server, "echo")
    step = Step(
        id=STEP,
        kind=StepKind.TOOL,
        prompt=Text.inline("call echo"),
        mcp_target_server_id=action.server,
        mcp_action_type=action.type,
        mcp_action_name=action.name,
        mcp_parameters={"text": TEXT},
        pin=call.pin,
    )
    return lambda facts: StepLaunch(facts=facts, step=step, call=call)


def generating(facts: RequestFacts) -> StepLaunch:
    """A step that asks the simulated model."""
    return StepLaunch(facts=facts, step=Step(id=STEP, prompt=Text.inline(TEXT)))
