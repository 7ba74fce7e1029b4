"""The commands of every workflow function are the ones that the histories were recorded with."""

from itertools import zip_longest

from tests.replay import fingerprints

WHAT_TO_DO = """
This changes the order of commands, so open histories may not replay. Until the first tagged release: run
`make replay-record` and add a line to CHANGELOG.md. From then on keep the old order under `workflow.patched`."""


def changes(before: fingerprints.Fingerprints, now: fingerprints.Fingerprints) -> list[str]:
    """Return a line for each function whose commands are others, at the first place where they part."""
    lines: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        pairs = zip_longest(before.get(name, []), now.get(name, []), fillvalue="nothing")
        parted = next(((old, new) for old, new in pairs if old != new), None)
        if parted is not None:
            lines.append(f"workflows/{name}: was recorded with {parted[0]!r}, now there is {parted[1]!r}")
    return lines


def test_workflows_give_the_commands_they_were_recorded_with() -> None:
    changed = changes(fingerprints.recorded(), fingerprints.current())
    assert not changed, "\n".join([*changed, WHAT_TO_DO])


def test_a_changed_command_is_told_with_its_place() -> None:
    before = {"life.py Life._end": ["wait", "flush"], "people.py ask": ["flush"]}
    now = {"life.py Life._end": ["flush", "wait"], "people.py ask": ["flush"]}
    assert changes(before, now) == ["workflows/life.py Life._end: was recorded with 'wait', now there is 'flush'"]


def test_fingerprints_see_a_dropped_flush_and_a_swapped_activity() -> None:
    found = fingerprints.current()
    assert "flush" in found["life.py Life._end"]
    assert found["coordinator.py Coordinator._prepare"] == ["coordinate Planning.prepare"]
    assert "local activity Recording.record" in found["shell.py Shell.flush"]
    assert "continue as new model_copy" in found["request.py RequestWorkflow.run"]
