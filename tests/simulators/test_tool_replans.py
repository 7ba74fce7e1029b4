"""Planning again after a tool failed: another tool when it is gone, else a step that tells what could not be done."""

import pytest

from domain.documents import StepSummary, ToolOffer
from simulators.model_provider.json_value import Json
from tests.simulators.real_tools import offered, planned

MESSAGE = "List the open bugs of project DEMO and write a summary page in Confluence"
TOOLS = offered("jira_search", "jira_get_project_issues", "confluence_create_page")


def summary(step_id: str, kind: str, status: str, **fields: Json) -> StepSummary:
    return StepSummary(id=step_id, kind=kind, prompt="…", status=status, **fields)


def steps(note: str | None) -> tuple[StepSummary, ...]:
    return (
        summary("s1", "tool", "failed", note=note),
        summary("s2", "generate", "pending"),
        summary("s3", "tool", "pending"),
    )


def replanned(
    note: str | None, failure: str | None = None, tools: tuple[ToolOffer, ...] = TOOLS
) -> list[dict[str, Json]]:
    return planned(MESSAGE, steps=steps(note), failure=failure, tools=tools)


def test_a_failed_call_is_told_and_nothing_is_built_on_it() -> None:
    (told,) = replanned("atlassian: jira_search: 500 from Jira")
    assert (told["id"], told["kind"], told["depends_on"]) == ("s1_r1", "generate", [])
    assert told["prompt"] == "Tell plainly what could not be done: … The reason: atlassian: jira_search: 500 from Jira"
    assert "mcp_action_name" not in told


@pytest.mark.parametrize(
    "note",
    [
        "tool_missing: atlassian offers no tool 'jira_search'; the nearest: 'jira_get_project_issues'",
        "the server has no tool 'jira_search' any more",
        "atlassian: jira_search is not there any more",
    ],
)
def test_a_tool_that_is_gone_gives_way_to_one_like_it(note: str) -> None:
    again, *_ = replanned(note)
    assert (again["id"], again["kind"], again["mcp_action_name"]) == ("s1_r1", "tool", "jira_get_project_issues")
    assert again["mcp_parameters"] == {"project_key": "DEMO"}


def test_without_one_like_it_a_step_tells_so() -> None:
    again, *_ = replanned(
        "tool_missing", "s1: no tool jira_search", tools=offered("jira_search", "confluence_create_page")
    )
    assert again["kind"] == "generate"
    assert again["prompt"].startswith("Try another way: ")


def test_when_all_tools_are_gone_their_steps_are_generated() -> None:
    again = planned(MESSAGE, steps=steps("tool_missing"), tools=(), kinds=("generate",))
    assert {it["kind"] for it in again} == {"generate"}
    assert [it["id"] for it in again] == ["s1_r1", "s2_r1", "s3_r1"]


def test_what_has_been_read_is_kept_when_the_write_fails() -> None:
    ended = (
        summary("s1", "tool", "succeeded", result="{}"),
        summary("s2", "generate", "succeeded", result="two bugs"),
        summary("s3", "tool", "failed", note="a page of this title exists"),
    )
    (told,) = planned(MESSAGE, steps=ended, failure="s3: tool_failed", tools=TOOLS)
    assert (told["id"], told["kind"], told["depends_on"]) == ("s3_r1", "generate", ["s2"])


def test_references_inside_lists_lead_to_the_steps_of_today() -> None:
    message = 'Count owls. Then echo it [tool=e/echo; parameters={"texts":["{{steps.s1.result}}",1]}]'
    ended = (summary("s1", "generate", "failed", note="no"), summary("s2", "tool", "pending"))
    _, again = planned(message, steps=ended, tools=TOOLS)
    assert again["mcp_parameters"] == {"texts": ["{{steps.s1_r1.result}}", 1]}
