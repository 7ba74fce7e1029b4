"""What a request leaves in Temporal: events, bytes, workflow tasks and transitions, of itself and of its children."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client


@dataclass(frozen=True)
class Footprint:
    """One request's histories. `events` and `bytes` are the parent's; the others count its children too."""

    events: float
    bytes: float
    workflow_tasks: float
    transitions: float
    workflows: float
    all_events: float
    all_bytes: float


async def footprint(client: Client, workflow_id: str) -> Footprint:
    """Fetch the histories of an ended request."""
    parent = await _events(client, workflow_id)
    children = [
        event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
        for event in parent
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
    ]
    every = parent + [event for child in children for event in await _events(client, child)]
    tasks = sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for event in every)
    transitions = [await _transitions(client, name) for name in (workflow_id, *children)]
    return Footprint(
        events=len(parent),
        bytes=_size(parent),
        workflow_tasks=tasks,
        transitions=sum(transitions),
        workflows=1 + len(children),
        all_events=len(every),
        all_bytes=_size(every),
    )


def middle(footprints: Sequence[Footprint]) -> Footprint:
    """The median of each figure."""
    rows = [asdict(one) for one in footprints]
    return Footprint(**{key: statistics.median(row[key] for row in rows) for key in rows[0]})


async def _events(client: Client, workflow_id: str) -> list[HistoryEvent]:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return list(history.events)


async def _transitions(client: Client, workflow_id: str) -> int:
    described = await client.get_workflow_handle(workflow_id).describe()
    return described.raw_description.workflow_execution_info.state_transition_count


def _size(events: Sequence[HistoryEvent]) -> int:
    return sum(event.ByteSize() for event in events)
