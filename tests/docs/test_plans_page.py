"""docs/plans.md is the code's mirror: kinds, fields, bounds, options, conditions."""

import pytest
from pydantic import BaseModel

from domain.conditions import parse
from domain.drafts import read_step
from domain.errors import ConditionInvalid
from domain.request import Caps, Options
from domain.step import Step, StepKind, StepStatus
from tests.docs.pages import coded, page, rows, section

PAGE = page("docs/plans.md")


def listed(text: str, title: str, *, below: str | None = None) -> dict[str, list[str]]:
    """Return the rows of a section's tables (of the one that begins with `below`) by the code in their first cell."""
    body = section(text, title)
    if below is not None:
        body = body[body.index(f"| {below} |") :].partition("\n\n")[0]
    return {name: row for row in rows(body) if (name := coded(row[0])) is not None}


def wrong_defaults(text: str, title: str, kind: type[BaseModel]) -> list[str]:
    """Return the fields of a model that a table lacks, has for nothing, or gives another default."""
    table = listed(text, title)
    problems = sorted(table.keys() ^ kind.model_fields.keys())
    for name in table.keys() & kind.model_fields.keys():
        shown, default = table[name][1], kind.model_fields[name].default
        if shown != _written(default):
            problems.append(f"{name}: {shown}, not {_written(default)}")
    return problems


def _written(default: object) -> str:
    if default is None:
        return "null"
    return f"{default:.10g}" if isinstance(default, float) else str(default)


def wrong_conditions(text: str) -> list[str]:
    """Return the conditions of the page that are refused although they should not be, or the other way round."""
    good = listed(text, "Conditions", below="condition")
    bad = listed(text, "Conditions", below="refused")
    return [name for name in good if not _parses(name)] + [name for name in bad if _parses(name)]


def _parses(condition: str) -> bool:
    try:
        parse(condition)
    except ConditionInvalid:
        return False
    return True


def time_out(kind: str) -> float:
    """Return the time-out of a step that names none."""
    step = read_step({"id": "a", "kind": kind, "prompt": "x"}, "")
    assert isinstance(step, Step)
    return step.timeout_s


def test_every_bound_is_documented() -> None:
    assert wrong_defaults(PAGE, "Admission", Caps) == []


def test_every_option_is_documented() -> None:
    assert wrong_defaults(PAGE, "Options of a request", Options) == []


def test_a_wrong_bound_is_found() -> None:
    assert wrong_defaults(PAGE.replace("| `max_steps` | 200 |", "| `max_steps` | 100 |"), "Admission", Caps) != []
    assert wrong_defaults(PAGE.replace("| `window` |", "| window |"), "Admission", Caps) == ["window"]


def test_every_field_of_a_step_is_documented() -> None:
    table = listed(PAGE, "Fields of a step")
    assert list(table) == list(Step.model_fields)
    for name in ("kind", "max_retries", "evaluate"):
        assert coded(table[name][1]) == str(Step.model_fields[name].default)


def test_every_kind_and_status_is_documented() -> None:
    kinds = listed(PAGE, "Kinds")
    assert set(kinds) == {kind.value for kind in StepKind}
    shown = {kind: row[2] for kind, row in kinds.items() if row[2]}
    assert shown == {kind: f"{time_out(kind):g}" for kind in ("generate", "human", "request")}
    assert list(listed(PAGE, "Running")) == [status.value for status in StepStatus]


def test_another_kind_or_status_is_found() -> None:
    planted = PAGE.replace("| `human` |", "| `robot` |").replace("| `skipped` |", "| `lost` |")
    assert set(listed(planted, "Kinds")) ^ set(listed(PAGE, "Kinds")) == {"human", "robot"}
    assert set(listed(planted, "Running")) ^ set(listed(PAGE, "Running")) == {"skipped", "lost"}


def test_every_condition_is_as_the_page_says() -> None:
    assert len(listed(PAGE, "Conditions", below="condition")) > 3
    assert len(listed(PAGE, "Conditions", below="refused")) > 1
    assert wrong_conditions(PAGE) == []


@pytest.mark.parametrize("planted", ["steps.a", "os.system('id')"])
def test_a_wrong_condition_is_found(planted: str) -> None:
    good = "`steps.score.result.value >= 7`"
    assert wrong_conditions(PAGE.replace(good, f"`{planted}`")) == [planted]
