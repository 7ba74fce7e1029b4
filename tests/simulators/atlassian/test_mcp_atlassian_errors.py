"""What the real `mcp-atlassian` says when Jira or Confluence fails: the texts that an error classifier meets.

The same table stands in `simulators/README.md`.
"""

from pathlib import Path
from typing import Any

import pytest

from runtime.local import atlassian
from tests.simulators.atlassian.driven import Driven
from tests.simulators.atlassian.served import READ_ONLY, Site

SEARCH = ("jira_search", {"jql": "project = DEMO"}, "GET", "*/search")
ISSUE = ("jira_get_issue", {"issue_key": "DEMO-2"}, "GET", "*/issue/DEMO-2")
CREATE = ("jira_create_issue", {"project_key": "DEMO", "summary": "S", "issue_type": "Task"}, "POST", "*/issue")
COMMENT = ("jira_add_comment", {"issue_key": "DEMO-2", "body": "c"}, "POST", "*/comment")
MOVE = ("jira_transition_issue", {"issue_key": "DEMO-2", "transition_id": "31"}, "POST", "*/transitions")
UPDATE = ("jira_update_issue", {"issue_key": "DEMO-2", "fields": '{"summary": "z"}'}, "PUT", "*/issue/DEMO-2")
FIND = ("confluence_search", {"query": "type = page"}, "GET", "*/search")
PAGE = ("confluence_get_page", {"page_id": "65538"}, "GET", "*/content/65538")
TITLE = ("confluence_get_page", {"title": "Demo home", "space_key": "DEMO"}, "GET", "*/content")
NEW_PAGE = ("confluence_create_page", {"space_key": "DEMO", "title": "New", "content": "x"}, "POST", "*/content*")
SAVE = (
    "confluence_update_page",
    {"page_id": "65538", "title": "Release notes 4.1", "content": "x"},
    "PUT",
    "*/content/65538",
)
REMARK = ("confluence_add_comment", {"page_id": "65538", "body": "x"}, "POST", "*/content*")

Call = tuple[str, dict[str, Any], str, str]

LOST_TITLE = "Page with title 'Demo home' not found in space 'DEMO'."
NO_REMARK = '"success": false'
AUTH = "Authentication failed for {} API ({}). Token may be expired or invalid. Please verify credentials."
CLOSED = "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))"
DOWN = "503 Server Error: Service Unavailable for url: "
SIGN_IN = "Client must be authenticated to access this resource."


async def fail(tools: Driven, site: Site, call: Call, fault: dict[str, Any]) -> tuple[str, bool]:
    tool, arguments, method, path = call
    site.fault(fault, method=method, path=path)
    told = await tools.call(tool, arguments)
    return told.text, told.is_error


@pytest.mark.parametrize(
    ("call", "fault", "text"),
    [
        (SEARCH, {"status": 401}, AUTH.format("Jira", 401)),
        (ISSUE, {"status": 403}, AUTH.format("Jira", 403)),
        (MOVE, {"status": 401}, AUTH.format("Jira", 401)),
        (CREATE, {"status": 401}, SIGN_IN),
        (COMMENT, {"status": 401}, SIGN_IN),
        (UPDATE, {"status": 401}, SIGN_IN),
        (FIND, {"status": 401}, AUTH.format("Confluence", 401)),
        (NEW_PAGE, {"status": 401}, SIGN_IN),
        (SAVE, {"status": 401}, SIGN_IN),
        (ISSUE, {"status": 404}, "Issue DEMO-2 not found. Verify the issue key and project access."),
        (NEW_PAGE, {"status": 404}, "The calling user does not have permission to view the content"),
        (SAVE, {"status": 404}, "Can not find draft with current content"),
        (SAVE, {"status": 409, "body": {"message": "Version must be incremented"}}, "Version must be incremented"),
        (ISSUE, {"status": 429}, "Jira API rate limit hit (429). No Retry-After header provided; back off and retry."),
        (SEARCH, {"status": 429}, "Rate limit exceeded."),
        (CREATE, {"status": 429}, "Rate limit exceeded."),
        (FIND, {"status": 429}, "Rate limit exceeded."),
        (SEARCH, {"status": 503}, DOWN),
        (ISSUE, {"status": 503}, DOWN),
        (CREATE, {"status": 503}, DOWN),
        (FIND, {"status": 503}, DOWN),
        (SAVE, {"status": 503}, DOWN),
        (SEARCH, {"status": 503, "body": {}}, "Error calling tool 'search': HTTPError"),
        (COMMENT, {"status": 503, "body": {}}, "Error calling tool 'add_comment': Error adding comment:"),
        (SEARCH, {"bad_json": True}, "Unexpected return value type from `jira.jql`: <class 'str'>"),
        (ISSUE, {"bad_json": True}, "Unexpected return value type from `jira.get_issue`: <class 'str'>"),
        (FIND, {"bad_json": True}, "malformed response missing the 'results' field"),
        (SEARCH, {"drop": True}, CLOSED),
        (ISSUE, {"drop": True}, "Could not connect to Jira at "),
        (FIND, {"drop": True}, CLOSED),
    ],
)
async def test_a_failure_is_an_error_with_this_text(
    tools: Driven, site: Site, call: Call, fault: dict[str, Any], text: str
) -> None:
    said, is_error = await fail(tools, site, call, fault)
    assert is_error
    assert text in said
    assert site.writes() == []


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (CREATE, "Error calling tool 'create_issue': " + CLOSED),
        (COMMENT, "Error adding comment: " + CLOSED),
        (MOVE, "Error transitioning issue DEMO-2 with transition ID 31: " + CLOSED),
        (UPDATE, "Failed to update issue DEMO-2: " + CLOSED),
        (NEW_PAGE, "Failed to create page 'New' in space DEMO: " + CLOSED),
        (SAVE, "Failed to update page 65538: " + CLOSED),
    ],
)
async def test_a_write_that_was_made_is_told_as_an_error_when_its_answer_is_lost(
    tools: Driven, site: Site, call: Call, text: str
) -> None:
    said, is_error = await fail(tools, site, call, {"lost_answer": True})
    assert is_error
    assert text in said
    assert len(site.writes()) == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (CREATE, "Unexpected return value type from `jira.create_issue`: <class 'NoneType'>"),
        (COMMENT, "Unexpected return value type from `jira.issue_add_comment`: <class 'NoneType'>"),
        (NEW_PAGE, "'NoneType' object has no attribute 'get'"),
    ],
)
async def test_a_write_that_was_made_is_told_as_an_error_when_its_answer_is_no_json(
    tools: Driven, site: Site, call: Call, text: str
) -> None:
    said, is_error = await fail(tools, site, call, {"bad_json": True, "done_first": True})
    assert is_error
    assert text in said
    assert len(site.writes()) == 1


@pytest.mark.parametrize(("call", "path"), [(CREATE, "*/issue/DEMO-13"), (NEW_PAGE, "*/content/1*")])
async def test_a_write_is_told_as_an_error_when_reading_it_back_fails(
    tools: Driven, site: Site, call: Call, path: str
) -> None:
    site.fault({"status": 503}, method="GET", path=path)
    told = await tools.call(call[0], call[1])
    assert told.is_error
    assert DOWN in told.text
    assert len(site.writes()) == 1


@pytest.mark.parametrize(
    "fault", [{"status": 401}, {"status": 404}, {"status": 503}, {"bad_json": True}, {"drop": True}]
)
async def test_these_tools_tell_a_failure_as_a_success(tools: Driven, site: Site, fault: dict[str, Any]) -> None:
    for call, text in ((PAGE, '"error": "Failed to retrieve page by ID'), (TITLE, LOST_TITLE), (REMARK, NO_REMARK)):
        said, is_error = await fail(tools, site, call, fault)
        assert not is_error
        assert text in said


async def test_a_comment_on_a_page_may_be_there_though_the_server_says_it_is_not(tools: Driven, site: Site) -> None:
    said, is_error = await fail(tools, site, REMARK, {"lost_answer": True})
    assert (NO_REMARK in said, is_error, len(site.writes())) == (True, False, 1)


@pytest.mark.parametrize(
    ("tool", "arguments", "text"),
    [
        ("jira_get_issue", {}, "Missing required argument [type=missing_argument"),
        ("jira_get_issue", {"issue_key": "demo"}, "String should match pattern"),
        ("jira_get_issue", {"issue_key": "DEMO-1", "extra": 1}, "Unexpected keyword argument"),
        ("jira_create_issue", CREATE[1] | {"additional_fields": {"labels": "a"}}, "Input should be a valid string"),
        ("jira_create_issue", CREATE[1] | {"additional_fields": "{"}, "additional_fields is not valid JSON"),
        ("jira_create_issue", CREATE[1] | {"project_key": "NONE"}, "valid project is required"),
        ("jira_search", {"jql": "nosuch = 1"}, "Error in the JQL Query: Field 'nosuch' does not exist"),
        ("jira_transition_issue", {"issue_key": "DEMO-1", "transition_id": "99"}, "is not valid for the current state"),
        ("confluence_search", {"query": "nosuch = 1"}, "Unexpected error during search: The query cannot be parsed"),
        ("confluence_create_page", NEW_PAGE[1] | {"title": "Demo home"}, "A page with this title already exists"),
        ("confluence_create_page", NEW_PAGE[1] | {"content_file": "x"}, "content_file"),
        ("jira_nothing", {}, "Unknown tool: jira_nothing"),
    ],
)
async def test_wrong_arguments_are_named(
    tools: Driven, site: Site, tool: str, arguments: dict[str, Any], text: str
) -> None:
    told = await tools.call(tool, arguments)
    assert told.is_error
    assert text in told.text
    assert site.writes() == []


async def test_a_silent_site_ends_in_a_time_out_and_a_read_only_token_in_a_refusal(
    shared_site: Site, mcp_atlassian: Path
) -> None:
    shared_site.reset()
    limits = {"JIRA_TIMEOUT": "1", "JIRA_PERSONAL_TOKEN": READ_ONLY}
    async with Driven.of(mcp_atlassian, atlassian.simulated_servers(shared_site.port), **limits) as tools:
        said, is_error = await fail(tools, shared_site, SEARCH, {"hang": True})
        assert is_error
        assert "Read timed out. (read timeout=1)" in said
        refused = await tools.call(CREATE[0], CREATE[1])
        assert refused.is_error
        assert "You do not have permission to change this." in refused.text
    assert shared_site.writes() == []
