import re
import shlex
from typing import Any

import pytest

from domain.content import Text
from domain.outcomes import settle
from domain.progress import ROWS_SHOWN, Progress, details, dollars, progress
from domain.request import Approval, ApprovalKind, Phase, Question
from domain.run_state import RunState
from domain.tools import Action, ActionType, Effect
from tests.domain.make import CAPS, NOW, launches, running, step, succeeded


def test_every_step_is_counted_once() -> None:
    state = running(step("a"), step("b"), step("c", "b"), phase=Phase.RUNNING)
    launches(state)
    settle(state, "a", 1, succeeded(cost=5), CAPS)
    assert progress(state) == Progress(
        phase=Phase.RUNNING, paused=False, total=3, ended=1, active=1, pending=1, spent_micros=5, plan_version=1
    )


def test_request_without_a_plan_has_counted_nothing() -> None:
    counted = progress(RunState(started_at=NOW))
    assert (counted.total, counted.plan_version) == (0, None)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "$0.000000"), (1, "$0.000001"), (10**15, "$1000000000.000000"), (123_456_789, "$123.456789")],
)
def test_money_is_written_to_the_last_micro(micros: int, text: str) -> None:
    assert dollars(micros) == text


def test_details_show_the_plan_without_its_prompts() -> None:
    state = running(step("a", prompt="SECRET"), step("b", "a"), phase=Phase.RUNNING)
    launches(state)
    shown = details("req_1", state)
    assert "| a | generate | – | running | 1 | $0.000000 |" in shown
    assert "| b | generate | a | pending | 0 | $0.000000 |" in shown
    assert "SECRET" not in shown
    assert "(paused)" not in shown


def test_details_show_what_is_open_with_commands_to_paste() -> None:
    state = running(step("a"), paused=True)
    state.questions["q_1"] = Question(id="q_1", text=Text.inline("SECRET?"), default=None, expires_at=NOW)
    state.approvals["a_plan_1"] = Approval(id="a_plan_1", plan_version=1, expires_at=NOW)
    shown = details("req_1", state)
    commands = re.findall(r"^temporal .*$", shown, re.MULTILINE)
    names = [shlex.split(command)[shlex.split(command).index("--name") + 1] for command in commands]
    assert names == ["reply", "approve", "resume", "cancel"]
    assert "open question `q_1`" in shown
    assert "open approval `a_plan_1`" in shown
    assert "SECRET" not in shown


def test_details_tell_what_an_approval_is_about_without_its_arguments() -> None:
    state = running(step("a"))
    action = Action(server="notes", type=ActionType.TOOL, name="note`create")
    fields: dict[str, Any] = {"kind": ApprovalKind.TOOL, "action": action, "arguments": Text.inline("SECRET")}
    state.approvals["a_1"] = Approval(id="a_1", plan_version=1, expires_at=NOW, effect=Effect.WRITE, **fields)
    state.approvals["a_2"] = Approval(id="a_2", plan_version=1, expires_at=NOW, **fields)
    shown = details("req_1", state)
    assert "open approval `a_1` (tool): write by `notes: note'create`" in shown
    assert "open approval `a_2` (tool): call by" in shown
    assert "SECRET" not in shown


def test_long_plan_is_cut_and_says_so() -> None:
    shown = details("req_1", running(*(step(f"s{number}") for number in range(ROWS_SHOWN + 3))))
    assert "… and 3 more steps" in shown
    assert shown.count("| generate |") == ROWS_SHOWN


def test_request_without_a_plan_has_no_table() -> None:
    assert "|" not in details("req_1", RunState(started_at=NOW))
