"""The look-ups of the preset find the writes of the real `mcp-atlassian` whose answer was lost, and no others."""

import json
from typing import Any

import pytest
from pydantic import JsonValue

from domain import templates
from domain.tool_server import LookUp
from services.tools.look_up import marked
from services.tools.presets import idempotent, look_ups
from tests.simulators.atlassian.driven import Driven
from tests.simulators.atlassian.served import Site

MARK, OTHER = "lh-3f9c2a7b10de", "lh-aaaaaaaaaaaa"
RULES = {rule.tool: rule for rule in look_ups("atlassian")}
WRITES: list[tuple[str, dict[str, Any], str]] = [
    ("jira_create_issue", {"project_key": "DEMO", "summary": "S", "issue_type": "Task"}, "*/issue"),
    (
        "jira_create_issue",
        {
            "project_key": "DEMO",
            "summary": "S",
            "issue_type": "Task",
            "description": "- a *b* _c_ -d-\n\n```\ncode\n```",
            "additional_fields": '{"priority": {"name": "High"}}',
        },
        "*/issue",
    ),
    ("jira_add_comment", {"issue_key": "DEMO-2", "body": "# Title\n\n1. one -- two"}, "*/comment"),
    ("confluence_create_page", {"space_key": "DEMO", "title": 'The "new" one', "content": "- a\n- b"}, "*/content*"),
    (
        "confluence_create_page",
        {"space_key": "DEMO", "title": "XHTML", "content": "<p>a</p>", "content_format": "storage"},
        "*/content*",
    ),
    ("confluence_update_page", {"page_id": "65538", "title": "Release notes 4.1", "content": "# New"}, "*/content/*"),
]


async def happened(tools: Driven, rule: LookUp, arguments: dict[str, Any], mark: str) -> JsonValue | None:
    """Return what stands for the write's result; None when it is not found."""
    roots: dict[str, JsonValue] = {"arguments": arguments, "marker": mark}
    asked = templates.resolve(rule.arguments, roots)
    assert isinstance(asked, dict)
    told = await tools.call(rule.by, asked)
    assert not told.is_error, told.text
    if str(templates.resolve(rule.contains, roots)) not in told.text:
        return None
    return templates.resolve(f"{{{{answer.{rule.result}}}}}", {"answer": told.text})


@pytest.mark.parametrize(("tool", "given", "path"), WRITES)
async def test_a_write_whose_answer_was_lost_is_found(
    tools: Driven, site: Site, tool: str, given: dict[str, Any], path: str
) -> None:
    rule = RULES[tool]
    arguments = marked(rule, given, MARK)
    assert await happened(tools, rule, arguments, MARK) is None
    site.fault({"lost_answer": True}, path=path, method="PUT" if "update" in tool else "POST")
    assert (await tools.call(tool, arguments)).is_error
    found = await happened(tools, rule, arguments, MARK)
    assert isinstance(found, dict)
    assert {"id", "key"} & set(found)
    assert len(site.writes()) == 1
    assert await happened(tools, rule, arguments, OTHER) is None


@pytest.mark.parametrize(("tool", "given", "path"), WRITES)
async def test_a_write_that_was_not_made_is_not_found(
    tools: Driven, site: Site, tool: str, given: dict[str, Any], path: str
) -> None:
    rule = RULES[tool]
    arguments = marked(rule, given, MARK)
    site.fault({"drop": True}, path=path, method="PUT" if "update" in tool else "POST")
    assert (await tools.call(tool, arguments)).is_error
    assert await happened(tools, rule, arguments, MARK) is None
    assert not (await tools.call(tool, arguments)).is_error
    assert await happened(tools, rule, arguments, MARK) is not None
    assert len(site.writes()) == 1


async def test_what_was_given_is_kept_beside_the_mark(tools: Driven, site: Site) -> None:
    tool, given, _ = WRITES[1]
    await tools.call(tool, marked(RULES[tool], given, MARK))
    written = site.writes()[0]["fields"]
    assert written["priority"] == {"name": "High"}
    assert written["description"].endswith(f"Ref: {MARK}")


async def test_an_issue_with_many_comments_still_shows_the_one_that_is_looked_for(tools: Driven, site: Site) -> None:
    for number in range(120):
        site.jira("POST", "/issue/DEMO-2/comment", json={"body": f"comment {number}"})
    rule = RULES["jira_add_comment"]
    arguments = marked(rule, {"issue_key": "DEMO-2", "body": "the last"}, MARK)
    await tools.call("jira_add_comment", arguments)
    assert await happened(tools, rule, arguments, MARK) is not None


async def test_a_page_looked_up_while_confluence_is_down_is_not_made_twice(tools: Driven, site: Site) -> None:
    tool, given, path = WRITES[3]
    rule = RULES[tool]
    arguments = marked(rule, given, MARK)
    site.fault({"lost_answer": True}, path=path, method="POST")
    await tools.call(tool, arguments)
    site.fault({"status": 503}, path="*/content", method="GET")
    assert await happened(tools, rule, arguments, MARK) is None
    again = await tools.call(tool, arguments)
    assert again.is_error
    assert "already exists" in again.text
    assert len(site.writes()) == 1


async def test_readers_of_a_page_do_not_see_its_mark(tools: Driven, site: Site) -> None:
    tool, given, _ = WRITES[3]
    await tools.call(tool, marked(RULES[tool], given, MARK))
    anchor = (
        f'<ac:structured-macro ac:name="anchor"><ac:parameter ac:name="">{MARK}</ac:parameter></ac:structured-macro>'
    )
    assert site.writes()[0]["body"] == f"<ul><li><p>a</p></li><li><p>b</p></li></ul><p>{anchor}</p>"


def test_nothing_is_said_of_a_server_that_is_not_known() -> None:
    assert (look_ups("nobody"), idempotent("nobody"), idempotent("atlassian")) == ((), (), ())
    assert json.dumps([rule.model_dump(mode="json") for rule in look_ups("atlassian")])
