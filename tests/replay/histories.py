"""The recorded histories: where they lie, what the manifest says of them, and what must not stand in them."""

import json
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue
from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).parent / "histories"
MANIFEST = FOLDER / "manifest.json"
NEUTRAL = "recorder"
_NAMES_THIS_MACHINE = frozenset({"identity", "stackTrace", "binaryChecksum"})
"""Fields that name a process, a host or a path. None is read by a replay."""


class Recorded(NamedTuple):
    """A history by name, the type of its workflow, and what it is recorded for."""

    name: str
    workflow: str
    covers: str

    @property
    def path(self) -> Path:
        """Return where the history lies."""
        return FOLDER / f"{self.name}.json"

    def load(self) -> WorkflowHistory:
        """Read the history."""
        return WorkflowHistory.from_json(self.name, self.path.read_text(encoding="utf-8"))


def manifest() -> list[Recorded]:
    """Return all histories, sorted by name."""
    listed: dict[str, dict[str, str]] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return [Recorded(name, entry["workflow"], entry["covers"]) for name, entry in sorted(listed.items())]


def write(histories: dict[Recorded, WorkflowHistory]) -> None:
    """Write all histories and their manifest in place of what was there."""
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for recorded, history in histories.items():
        recorded.path.write_text(_one_event_a_line(neutral(history.to_json_dict()["events"])), encoding="utf-8")
    listed = {entry.name: {"workflow": entry.workflow, "covers": entry.covers} for entry in sorted(histories)}
    MANIFEST.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def neutral(value: JsonValue) -> JsonValue:
    """Return a history's JSON without what names this machine: identities, stacks, the workers' own task queues."""
    if isinstance(value, list):
        return [neutral(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "TASK_QUEUE_KIND_STICKY":
        return {**value, "name": NEUTRAL}
    return {key: NEUTRAL if key in _NAMES_THIS_MACHINE else neutral(item) for key, item in value.items()}


def _one_event_a_line(events: JsonValue) -> str:
    listed = events if isinstance(events, list) else []
    lines = ",\n".join(json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in listed)
    return f'{{"events":[\n{lines}\n]}}\n'
