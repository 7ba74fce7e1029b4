"""docs/messages.md is the code's mirror: names, codes, every JSON amendment, every example edit, every command."""

import ast
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError
from temporalio import workflow

from api.errors import STALE
from contracts import messages as m
from contracts.tools import RULES_CHANGED
from domain.amending import take_amendment
from domain.drafts import read_step
from domain.edits import AddStep, Amendment, Edit
from domain.plan import Plan
from domain.request import Caps, Phase
from domain.run_state import RunState
from domain.step import Step, StepRun
from tests.docs.pages import ROOT, Command, coded, commands, headings, json_objects, page, pages, rows, section
from workflows.request import RequestWorkflow

PAGE = page("docs/messages.md")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
EDIT: TypeAdapter[Any] = TypeAdapter(Edit)
MESSAGES: dict[str, type[Any]] = {
    m.AMEND: Amendment,
    m.APPROVE: m.Approve,
    m.REPLY: m.Reply,
    m.PAUSE: m.Pause,
    m.RESUME: m.Resume,
    m.CANCEL_STEP: m.CancelStep,
    m.CANCEL: m.Cancel,
}
REFUSING = [*(f"domain/{name}.py" for name in ("admission", "amendment", "amending", "drafts")), "workflows/inbox.py"]
"""Where a message's refusals are made."""


def codes_in(source: str) -> set[str]:
    """Return the codes of the problems that a module makes: `Problem(code="…")`, `refuse("…")`, `_refusal("…")`."""
    return {code for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) for code in _codes(node)}


def _codes(call: ast.Call) -> Iterable[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given: list[ast.expr] = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    if name in ("refuse", "_refusal"):
        given += call.args[:1]
    return [node.value for node in given if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def codes_listed(text: str) -> dict[str, str]:
    """Return the codes of the page's table, with their HTTP status."""
    return {code: row[1] for row in rows(section(text, "Refusal codes")) if (code := coded(row[0])) is not None}


def ops() -> dict[str, type[Any]]:
    """Return the edits by their `op`."""
    union = get_args(get_args(Edit)[0]) or get_args(Edit)
    return {get_args(edit.model_fields["op"].annotation)[0]: edit for edit in union if hasattr(edit, "model_fields")}


def fields_listed(text: str, name: str) -> set[str]:
    """Return the fields in the first table of a message's section."""
    table = section(text, name).split("Answer:")[0]
    return {field for row in rows(table) if (field := coded(row[0])) is not None}


def wrong_objects(values: Iterable[dict[str, Any]]) -> list[str]:
    """Return what is wrong with the amendments and edits among JSON objects."""
    problems: list[str] = []
    for value in values:
        try:
            _validate(value)
        except (ValidationError, AssertionError) as error:
            problems.append(str(error))
    return problems


def _validate(value: Mapping[str, Any]) -> None:
    if "op" in value:
        EDIT.validate_python(value)
    if "edits" in value:
        for edit in Amendment.model_validate(value).edits:
            assert not isinstance(edit, AddStep) or isinstance(read_step(edit.step, ""), Step)


def applied(example: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an example's edit does: the steps after it, as far as the example shows them, and the answer."""
    state = _state(example["before"])
    amendment = Amendment(expected_version=1, edits=(EDIT.validate_python(example["edit"]),))
    answer = take_amendment(state, amendment, Caps(), NOW, None)  # no server is asked here: pins may be missing
    assert state.plan is not None
    pairs = zip(state.plan.steps, example["after"], strict=True)
    after = [_shown(step, state.runs[step.id], shown) for step, shown in pairs]
    return {"after": after, "answer": {"kept": answer.kept, "cancelled": answer.cancelled, "rerun": answer.rerun}}


def _state(before: list[dict[str, Any]]) -> RunState:
    runs: dict[str, StepRun] = {}
    steps: list[Step] = []
    for shown in before:
        step = read_step({"prompt": "Do it.", **shown}, "")
        assert isinstance(step, Step)
        steps.append(step)
        runs[step.id] = StepRun.model_validate({key: shown[key] for key in ("status", "note") if key in shown})
    return RunState(started_at=NOW, phase=Phase.RUNNING, plan=Plan(steps=tuple(steps)), runs=runs)


def _shown(step: Step, run: StepRun, shown: Mapping[str, Any]) -> dict[str, Any]:
    known = {**step.model_dump(mode="json"), **run.model_dump(mode="json", include={"status", "note"})}
    known["prompt"] = step.prompt.text
    return {key: known[key] for key in shown}


def differs(example: Mapping[str, Any]) -> bool:
    """Return whether an example says something else than the code does."""
    really = applied(example)
    answer = {key: list(value) for key, value in really["answer"].items()}
    return bool(really["after"] != example["after"] or answer != example["answer"])


def names_listed(text: str, title: str) -> set[str]:
    """Return what a section of the page tells about, a heading each."""
    return set(headings(section(text, title), 3)) - {"Done", "Texts"}


def verbs_shown(text: str) -> dict[str, set[str]]:
    """Return what the commands of a page name: messages by `update execute` and `signal`, queries by `query`."""
    shown: dict[str, set[str]] = {}
    for verb, options in commands(text):
        shown.setdefault(verb, set()).add(options.get("--name") or options.get("--type") or "")
    return shown


def wrong_commands(found: Iterable[Command]) -> list[str]:
    """Return the commands that a request's workflow would not understand."""
    return [f"{command}" for command in found if not _understood(command)]


def _understood(command: Command) -> bool:
    verb, options = command
    if verb == "query":
        return options.get("--type") in (m.STATUS, m.PLAN, m.PROGRESS, m.COSTS)
    if verb not in ("update execute", "signal"):
        return True
    kind = MESSAGES.get(options.get("--name", ""))
    try:
        return kind is not None and kind.model_validate_json(options.get("--input", "")) is not None
    except ValidationError:
        return False


EXAMPLES = [value for value in json_objects(PAGE) if "before" in value]


def test_every_message_is_documented_and_taken_both_ways() -> None:
    handled = workflow._Definition.must_from_class(RequestWorkflow)
    assert names_listed(PAGE, "Messages") == set(handled.signals)
    assert set(handled.updates) == set(MESSAGES) == set(handled.signals) - {m.CHILD_FINISHED, RULES_CHANGED}


def test_every_query_is_documented() -> None:
    handled = workflow._Definition.must_from_class(RequestWorkflow)
    named = {name for name in handled.queries if name is not None and not name.startswith("__")}
    assert names_listed(PAGE, "Queries") == named == {m.STATUS, m.PLAN, m.PROGRESS, m.COSTS}


@pytest.mark.parametrize(("title", "name"), [("Messages", "pause"), ("Queries", "costs"), ("Edits", "drop")])
def test_a_name_of_its_own_on_the_page_is_found(title: str, name: str) -> None:
    planted = PAGE.replace(f"### `{name}`", "### `stop`")
    assert names_listed(planted, title) ^ names_listed(PAGE, title) == {name, "stop"}


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_field_of_a_message_is_documented(name: str) -> None:
    assert fields_listed(PAGE, f"`{name}`") == set(MESSAGES[name].model_fields)


def test_a_missing_field_is_found() -> None:
    planted = PAGE.replace("| `remember` |", "| remember |")
    assert fields_listed(planted, "`approve`") != set(m.Approve.model_fields)


def test_every_edit_is_documented() -> None:
    assert names_listed(PAGE, "Edits") == set(ops())
    assert {example["edit"]["op"] for example in EXAMPLES} == set(ops())


def test_every_refusal_code_is_documented() -> None:
    made = {code for name in REFUSING for code in codes_in((ROOT / name).read_text(encoding="utf-8"))}
    assert set(codes_listed(PAGE)) == made


def test_a_new_refusal_code_is_found() -> None:
    planted = 'draft.refuse("brand_new", path, ""); Problem(code="another", path="", message=""); _refusal("third", "")'
    assert codes_in(planted) == {"brand_new", "another", "third"}


def test_a_code_that_is_not_on_the_page_or_not_in_the_code_is_found() -> None:
    planted = PAGE.replace("| `cycle` | 422 |", "| `circle` | 409 |")
    assert codes_listed(planted).keys() ^ codes_listed(PAGE).keys() == {"cycle", "circle"}
    assert codes_listed(planted)["circle"] == "409"


def test_the_codes_of_409_are_those_of_the_api() -> None:
    assert {code for code, status in codes_listed(PAGE).items() if status == "409"} == set(STALE)


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_json_amendment_is_valid(path: Path) -> None:
    assert wrong_objects(json_objects(path.read_text(encoding="utf-8"))) == []


def test_an_invalid_amendment_is_found() -> None:
    planted = """
```json
{"expected_version": 1, "edits": [{"op": "drop", "step": "a"}]}
```

```json
{"expected_version": 1, "edits": [{"op": "add", "step": {"id": "a"}}]}
```

A budget: `{"op": "raise_budget", "micros": 1}`.
"""
    assert len(wrong_objects(json_objects(planted))) == 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["edit"]["op"]))
def test_every_example_edit_does_what_the_page_says(example: dict[str, Any]) -> None:
    assert not differs(example)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["edit"]["op"]))
def test_a_wrong_example_is_found(example: dict[str, Any]) -> None:
    after = [{**step, "status": "waiting"} for step in example["after"]]
    assert differs({**example, "after": after})
    assert differs({**example, "answer": {"kept": ["nobody"], "cancelled": [], "rerun": []}})


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_temporal_command_is_understood(path: Path) -> None:
    assert wrong_commands(commands(path.read_text(encoding="utf-8"))) == []


def test_the_readme_shows_every_verb_both_ways_and_every_query() -> None:
    shown = verbs_shown(page("README.md"))
    assert shown["update execute"] == shown["signal"] == set(MESSAGES)
    assert shown["query"] == {m.STATUS, m.PLAN, m.PROGRESS, m.COSTS}
    assert "cancel" in shown


def test_a_verb_that_is_not_shown_is_found() -> None:
    planted = page("README.md").replace('temporal workflow signal --workflow-id "$ID" --name reply', "# reply")
    assert verbs_shown(planted)["signal"] == set(MESSAGES) - {m.REPLY}


def test_a_wrong_command_is_found() -> None:
    planted = """
```sh
temporal workflow update execute --workflow-id "$ID" --name pause
temporal workflow signal --workflow-id "$ID" --name stop --input '{}'
temporal workflow signal --workflow-id "$ID" --name amend \\
  --input '{"expected_version": 1, "edits": []}'
temporal workflow query --workflow-id "$ID" --type state
temporal workflow update execute --workflow-id "$ID" --name pause --input '{}'
```
"""
    assert len(wrong_commands(commands(planted))) == 4
