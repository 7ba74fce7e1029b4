"""What a watcher sees, on a terminal and off it."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from cli.api import Event, parse
from cli.board import Board
from cli.place import Place
from cli.showing import follow


def events() -> list[Event]:
    plan = {
        "version": 1,
        "steps": [
            {"id": "a", "prompt": {"text": "First [bold]thing[/]", "size": 5}},
            {"id": "b", "kind": "human", "prompt": {"ref": "sha256:0", "size": 5000}, "depends_on": ["a"]},
        ],
    }
    later = {"version": 2, "reason": "b is gone", "steps": plan["steps"][:1]}  # type: ignore[index]  # steps are a list
    told: list[tuple[str, dict[str, Any]]] = [
        ("request.phase", {"phase": "running", "paused": False}),
        ("plan.created", {"plan": plan}),
        ("step.started", {"step_id": "a", "round": 1}),
        ("step.retried", {"step_id": "a", "round": 2, "feedback": "too short"}),
        ("cost", {"step_id": "a", "micros": 7}),
        ("cost", {"step_id": None, "micros": 3}),
        ("text.delta", {"step_id": "a", "text": "x"}),
        ("step.finished", {"step_id": "a", "status": "accepted", "note": "not sure"}),
        ("question.asked", {"question": {"id": "q_b_1", "step_id": "b", "text": {"text": "Which?", "size": 6}}}),
        ("approval.asked", {"approval": {"id": "a_plan_2", "plan_version": 2}}),
        ("message.refused", {"message": "amend"}),
        ("something.new", {}),
        ("request.phase", {"phase": "running", "paused": True}),
        ("plan.amended", {"plan": later, "cancelled": ["b"]}),
        ("step.finished", {"step_id": "gone", "status": "failed"}),
        ("request.finished", {"outcome": {"phase": "done"}}),
    ]
    return [Event(seq, kind, data) for seq, (kind, data) in enumerate(told, 1)]


@pytest.mark.parametrize("terminal", [True, False])
def test_watcher_sees_plan_steps_and_what_a_person_should_do(*, terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=160, color_system=None)
    board = Board("req_1")
    follow(console, board, events())
    shown = out.getvalue()
    for expected in (
        "First [bold]thing[/]",
        "accepted",
        "not sure",
        "Which?",
        "reply req_1 q_b_1",
        "approve req_1 a_plan_2",
    ):
        assert expected in shown, expected
    assert "plan version 2: 1 steps (b is gone), dropped: b" in shown
    assert (board.phase, board.cost_micros, list(board.steps)) == ("done", 10, ["a"])
    assert (board.steps["a"].round, board.steps["a"].cost_micros) == (2, 7)


def test_events_are_read_and_comments_and_cut_ends_skipped() -> None:
    def lines() -> Iterator[str]:
        yield from [": keep-alive", "", "id: 1", "event: cost", 'data: {"micros":3}', "", "id: 2", "event: cost"]

    assert list(parse(lines())) == [Event(1, "cost", {"micros": 3})]


def test_temporal_commands_name_an_unusual_server() -> None:
    assert Place("x", "127.0.0.1:7233", "default").temporal("query") == "temporal workflow query"
    named = Place("x", "temporal.test:7233", "work").temporal("query")
    assert named == "temporal workflow query --address temporal.test:7233 --namespace work"
