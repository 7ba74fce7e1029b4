"""Recorded histories of every path replay with today's workflows, and leave no command and no message out."""

import json
import socket
from collections.abc import Callable, Iterator
from inspect import getmembers, isclass
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from contracts import ports
from runtime.settings import PROJECT_ROOT
from tests.replay import fingerprints
from tests.replay.histories import FOLDER, MANIFEST, Recorded, manifest
from tests.replay.replaying import failure
from tests.replay.scenarios.chapters import SCENARIOS
from workflows.registry import WORKFLOWS

ALL = manifest()
RE_RECORD = "record the histories anew: make replay-record, and a line in CHANGELOG.md"
LEAVES: dict[str, tuple[str, ...]] = {
    "activity": ("ACTIVITY_TASK_SCHEDULED",),
    "local activity": ("MARKER_RECORDED",),
    "child": ("START_CHILD_WORKFLOW_EXECUTION_INITIATED",),
    "signal": ("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",),
    "cancel": ("ACTIVITY_TASK_CANCEL_REQUESTED", "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED"),
    "wait with a timer": ("TIMER_STARTED", "TIMER_CANCELED"),
    "timer": ("TIMER_STARTED",),
    "search attributes": ("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",),
    "memo": ("WORKFLOW_PROPERTIES_MODIFIED",),
    "continue as new": ("WORKFLOW_EXECUTION_CONTINUED_AS_NEW",),
    "patched": ("MARKER_RECORDED",),
}
"""The events that each kind of command leaves in a history."""


@pytest.mark.parametrize("recorded", ALL, ids=[recorded.name for recorded in ALL])
async def test_recorded_history_replays(recorded: Recorded) -> None:
    wrong = await failure(recorded.load())
    assert wrong is None, f"{recorded.name} ({recorded.covers}): {wrong}\n{RE_RECORD}"


def test_manifest_and_files_are_the_same() -> None:
    assert {recorded.path for recorded in ALL} == set(FOLDER.glob("*.json")) - {MANIFEST}


def test_every_scenario_is_recorded() -> None:
    assert {recorded.name.partition(".")[0] for recorded in ALL} == set(SCENARIOS), RE_RECORD
    assert {recorded.covers for recorded in ALL} == {entry.covers for entry in SCENARIOS.values()}, RE_RECORD


def test_manifest_tells_each_workflows_type() -> None:
    for recorded in ALL:
        started = recorded.load().events[0].workflow_execution_started_event_attributes
        assert recorded.workflow == started.workflow_type.name


def test_every_kind_of_command_occurs() -> None:
    commands = [command for commands in fingerprints.recorded().values() for command in commands]
    kinds = {kind for kind in LEAVES if any(f"{command} ".startswith(f"{kind} ") for command in commands)}
    assert {"activity", "child", "continue as new"} <= kinds
    wanted = {f"EVENT_TYPE_{name}" for kind in kinds for name in LEAVES[kind]}
    assert wanted - {EventType.Name(event.event_type) for event in _events()} == set()


def test_every_activity_and_every_workflow_occurs() -> None:
    wanted = set(_ports()) | {_definition(defined).name for defined in WORKFLOWS}
    started = {recorded.workflow for recorded in ALL}
    assert wanted - started - {name for event in _events() for name in _called(event)} == set()


@pytest.mark.parametrize("defined", WORKFLOWS)
def test_every_message_occurs(defined: type) -> None:
    definition = _definition(defined)
    mine = [event for recorded in ALL if recorded.workflow == definition.name for event in recorded.load().events]
    signals = {event.workflow_execution_signaled_event_attributes.signal_name for event in mine}
    updates = {event.workflow_execution_update_accepted_event_attributes.accepted_request.input.name for event in mine}
    assert (set(definition.signals) - signals, set(definition.updates) - updates) == (set(), set())


def test_no_history_names_this_machine() -> None:
    for recorded in ALL:
        text = b"".join(event.SerializeToString() for event in recorded.load().events)
        assert str(PROJECT_ROOT).encode() not in text
        assert f"@{socket.gethostname()}".encode() not in text


def _definition(defined: type) -> workflow._Definition:  # pyright: ignore[reportPrivateUsage]  nothing public says
    return workflow._Definition.must_from_class(defined)  # pyright: ignore[reportPrivateUsage]  as above


def _events() -> Iterator[HistoryEvent]:
    for recorded in ALL:
        yield from recorded.load().events


def _ports() -> Iterator[str]:
    """Yield the names of all activities."""
    for _, port in getmembers(ports, isclass):
        methods: list[tuple[str, Callable[..., Any]]] = getmembers(port, callable)
        for _, method in methods:
            definition = activity._Definition.from_callable(method)  # pyright: ignore[reportPrivateUsage]  the same
            if definition is not None and definition.name is not None:
                yield definition.name


def _called(event: HistoryEvent) -> Iterator[str]:
    """Yield the activity or child workflow that a history's event stands for."""
    yield event.activity_task_scheduled_event_attributes.activity_type.name
    yield event.start_child_workflow_execution_initiated_event_attributes.workflow_type.name
    marker = event.marker_recorded_event_attributes
    if marker.marker_name == "core_local_activity":
        yield json.loads(marker.details["data"].payloads[0].data)["activity_type"]
