"""The state of a running request: one dataclass that the workflow keeps, and carries over a continue-as-new."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from domain.content import Text
from domain.documents import Understanding
from domain.errors import Problem
from domain.events import Event, EventType
from domain.plan import Plan
from domain.request import Approval, Outcome, Phase, Question
from domain.step import Step, StepRun
from domain.value import Value

MESSAGES_REMEMBERED = 200
REFUSALS_SHOWN = 20

Data = JsonValue | Value | tuple[Value | str, ...]
"""What an event's field may be made of."""


class Stop(Value):
    """Why a request ends before its plan does. `phase`: the end it comes to."""

    phase: Literal[Phase.DONE, Phase.FAILED, Phase.CANCELLED]
    reason: str
    detail: str | None = None


class DueReplan(Value):
    """A step that calls for another plan, and what went wrong with it."""

    step_id: str
    reason: str


class Refusal(Value):
    """A message that was refused."""

    message: str
    message_id: str | None
    problems: tuple[Problem, ...]


@dataclass
class RunState:
    """Everything a request's workflow knows.

    Attributes:
        retired: Launches, rounds and cost of dropped steps by id: a step that takes the id again repeats none of them.
        open_launches: Launches whose end has not come, as `<step>/<launch>`.
        grants: What launches that have not been settled may still spend, by `<step>/<launch>`, in micro-units.
        checked: Conditions evaluated by an activity, by step id.
        rounds: Rounds used by the coordinator's slots (`@understand`, `@plan`, `@synthesize`).
        replies: Replies by question id; decisions: approve or deny by approval id.
        approved_tools: Tools that a person has approved for the rest of the request, as `<server>/<name>`.
        approved_calls: The digest of the call that a person has approved, by `<step>/<launch>`.
        closing: The plan has run to its end and the answer is being written: it is too late to amend.
        answered: What messages were answered, by message id; the oldest are forgotten.
        children: The request ids of sub-requests by `<step>/<launch>`; child_outcomes: how those ended, by the same
            key.
        outbox: Events that no activity has recorded yet.
        event_seq: The number of the last event made.
    """

    started_at: datetime
    depth: int = 0
    budget_micros: int | None = None
    deadline_at: datetime | None = None
    model: str | None = None
    phase: Phase = Phase.ACCEPTED
    paused: bool = False
    understanding: Understanding | None = None
    plan: Plan | None = None
    runs: dict[str, StepRun] = field(default_factory=dict[str, StepRun])
    retired: dict[str, StepRun] = field(default_factory=dict[str, StepRun])
    open_launches: list[str] = field(default_factory=list[str])
    spent_micros: int = 0
    grants: dict[str, int] = field(default_factory=dict[str, int])
    checked: dict[str, bool] = field(default_factory=dict[str, bool])
    replans: int = 0
    due_replan: DueReplan | None = None
    stop: Stop | None = None
    rounds: dict[str, int] = field(default_factory=dict[str, int])
    questions: dict[str, Question] = field(default_factory=dict[str, Question])
    replies: dict[str, str] = field(default_factory=dict[str, str])
    approvals: dict[str, Approval] = field(default_factory=dict[str, Approval])
    decisions: dict[str, str] = field(default_factory=dict[str, str])
    approved_rest: bool = False
    approved_tools: list[str] = field(default_factory=list[str])
    approved_calls: dict[str, str] = field(default_factory=dict[str, str])
    children: dict[str, str] = field(default_factory=dict[str, str])
    child_outcomes: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    answered: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    outbox: list[Event] = field(default_factory=list[Event])
    event_seq: int = 0
    answer: Text | None = None
    closing: bool = False

    def copy(self) -> "RunState":
        """Return a state that may be changed without changing this one; the values within are immutable."""
        fresh = {item.name: copy(getattr(self, item.name)) for item in fields(self)}
        return RunState(**fresh)

    def emit(self, event_type: EventType, **data: Data) -> None:
        """Add an event to the outbox. Values are turned into plain JSON."""
        self.event_seq += 1
        plain = {key: _plain(value) for key, value in data.items()}
        event = Event(source="wf", source_seq=self.event_seq, type=event_type, data={"v": 1, **plain})
        self.outbox.append(event)

    def runs_for(self, steps: Iterable[Step]) -> dict[str, StepRun]:
        """Return the runs of another version's steps, and remember the counters of the steps that are gone."""
        kept = {step.id: self.runs.get(step.id) or self.retired.get(step.id, StepRun()) for step in steps}
        gone = {step_id: run for step_id, run in self.runs.items() if step_id not in kept and run.launches}
        for step_id, run in gone.items():
            self.retired[step_id] = StepRun(
                next_round=run.next_round, launches=run.launches, cost_micros=run.cost_micros
            )
        return kept

    def take_outbox(self) -> tuple[Event, ...]:
        """Hand over the events for recording."""
        events = tuple(self.outbox)
        self.outbox.clear()
        return events

    def enter(self, phase: Phase) -> None:
        """Go to another phase, and say so."""
        if phase is not self.phase:
            self.phase = phase
            self.emit(EventType.REQUEST_PHASE, phase=phase.value, paused=self.paused)

    def next_round(self, slot: str) -> int:
        """Allot the next round of a coordinator's slot; rounds count from 1."""
        self.rounds[slot] = self.rounds.get(slot, 0) + 1
        return self.rounds[slot]

    def remaining_micros(self) -> int | None:
        """Return what is neither spent nor granted; None when there is no budget."""
        if self.budget_micros is None:
            return None
        return self.budget_micros - self.spent_micros - sum(self.grants.values())

    def remember(self, message_id: str | None, answer: JsonValue) -> None:
        """Keep a message's answer, so that the same message again gets the same answer."""
        if message_id is None:
            return
        self.answered[message_id] = answer
        while len(self.answered) > MESSAGES_REMEMBERED:
            del self.answered[next(iter(self.answered))]

    def refuse(self, message: str, message_id: str | None, problems: tuple[Problem, ...]) -> None:
        """Note a refused message in the status and in the log."""
        self.refusals = [*self.refusals, Refusal(message=message, message_id=message_id, problems=problems)]
        self.refusals = self.refusals[-REFUSALS_SHOWN:]
        self.emit(EventType.MESSAGE_REFUSED, message=message, message_id=message_id, problems=problems)


def _plain(value: Data) -> JsonValue:
    if isinstance(value, Value):
        plain: JsonValue = value.model_dump(mode="json", exclude_defaults=True)
        return plain
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
