"""What a watcher knows of a request: a fold of its events."""

from dataclasses import dataclass, field
from typing import Any

from cli.api import Event
from cli.approvals import waits_for
from domain.events import EventType
from domain.step import StepStatus


@dataclass
class StepRow:
    """One step of the plan."""

    id: str
    prompt: str
    depends_on: tuple[str, ...] = ()
    kind: str = "generate"
    status: str = StepStatus.PENDING.value
    round: int = 0
    cost_micros: int = 0
    note: str = ""


@dataclass
class Board:
    """The request as far as its events have told. `notices`: lines for people, taken away as they are shown."""

    request_id: str
    phase: str = "accepted"
    paused: bool = False
    version: int = 0
    cost_micros: int = 0
    steps: dict[str, StepRow] = field(default_factory=dict[str, StepRow])
    notices: list[str] = field(default_factory=list[str])

    def take(self, event: Event) -> None:
        """Take an event over; unknown types are ignored, for newer servers have more."""
        data = event.data
        match event.type:
            case EventType.REQUEST_PHASE:
                self.phase, self.paused = str(data["phase"]), bool(data["paused"])
            case EventType.PLAN_CREATED | EventType.PLAN_AMENDED:
                self._plan(data["plan"], data.get("cancelled", []))
            case EventType.STEP_STARTED | EventType.STEP_RETRIED | EventType.STEP_FINISHED:
                self._step(event)
            case EventType.COST:
                self._cost(data)
            case EventType.REQUEST_FINISHED:
                self.phase = str(data["outcome"]["phase"])
            case _:
                self._people(event)

    def take_notices(self) -> list[str]:
        """Hand over the lines that have not been shown."""
        taken, self.notices = self.notices, []
        return taken

    def _plan(self, plan: dict[str, Any], cancelled: list[str]) -> None:
        self.version = int(plan.get("version", 1))
        old = self.steps
        self.steps = {}
        for step in plan["steps"]:
            row = old.get(step["id"]) or StepRow(step["id"], "")
            row.prompt = _text(step["prompt"])
            row.depends_on = tuple(step.get("depends_on", ()))
            row.kind = str(step.get("kind", "generate"))
            self.steps[row.id] = row
        dropped = f", dropped: {', '.join(cancelled)}" if cancelled else ""
        reason = f" ({plan['reason']})" if plan.get("reason") else ""
        self.notices.append(f"plan version {self.version}: {len(self.steps)} steps{reason}{dropped}")

    def _step(self, event: Event) -> None:
        data = event.data
        row = self.steps.get(str(data["step_id"]))
        if row is None:
            return
        if event.type == EventType.STEP_FINISHED:
            row.status, row.note = str(data["status"]), str(data.get("note") or "")
        else:
            row.status, row.round = StepStatus.RUNNING.value, int(data["round"])
            row.note = f"again: {data['feedback']}" if data.get("feedback") else ""

    def _cost(self, data: dict[str, Any]) -> None:
        micros = int(data["micros"])
        self.cost_micros += micros
        row = self.steps.get(str(data.get("step_id")).partition("@")[0])
        if row is not None:
            row.cost_micros += micros

    def _people(self, event: Event) -> None:
        """Note what a person should do, or should know."""
        command, data = f"python -m cli {{}} {self.request_id}", event.data
        if event.type == EventType.QUESTION_ASKED:
            question = data["question"]
            text = _text(question.get("text"))
            self.notices.append(f'question: {text}\n  answer with: {command.format("reply")} {question["id"]} "…"')
            row = self.steps.get(str(question.get("step_id")))
            if row is not None:
                row.status = StepStatus.WAITING.value
        elif event.type == EventType.APPROVAL_ASKED:
            self.notices.append(f"{waits_for(data['approval'])}: {command.format('approve')} {data['approval']['id']}")
            row = self.steps.get(str(data["approval"].get("step_id")))
            if row is not None:
                row.status = StepStatus.WAITING.value
        elif event.type == EventType.MESSAGE_REFUSED:
            self.notices.append(f"a message was refused: {data['message']}")


def _text(text: dict[str, Any] | None) -> str:
    """Return a text of an event; a long one travels by reference and is not shown."""
    return str((text or {}).get("text") or "(long text)")
