"""The real `mcp-atlassian` over stdio against the simulated Jira and Confluence: what it offers, reads and writes."""

import json

from runtime.local.atlassian import TOOLS
from tests.simulators.atlassian.driven import Driven
from tests.simulators.atlassian.served import Site

OPEN_BUGS = "project = DEMO AND issuetype = Bug AND statusCategory != Done ORDER BY priority DESC"


async def test_it_offers_the_chosen_tools_and_says_which_read(tools: Driven) -> None:
    offered = await tools.tools()
    reading = {tool.name for tool in offered if tool.annotations and tool.annotations.read_only_hint}
    assert {tool.name for tool in offered} == set(TOOLS)
    assert reading == {
        "jira_search", "jira_get_issue", "jira_get_transitions", "confluence_search", "confluence_get_page",
    }  # fmt: skip


async def test_open_bugs_are_found_and_read(tools: Driven) -> None:
    found = (await tools.call("jira_search", jql=OPEN_BUGS)).data
    assert [issue["key"] for issue in found["issues"]] == ["DEMO-1", "DEMO-2", "DEMO-3", "DEMO-5"]
    issue = (await tools.call("jira_get_issue", issue_key="DEMO-2")).data
    assert issue["status"]["name"] == "In Progress"
    assert [comment["body"] for comment in issue["comments"]] == ["Seen again at three shops."]


async def test_an_issue_is_created_changed_commented_and_moved(tools: Driven, site: Site) -> None:
    more = json.dumps({"labels": ["demo"], "priority": {"name": "High"}})
    created = (
        await tools.call(
            "jira_create_issue",
            project_key="DEMO",
            summary="Sweep",
            issue_type="Task",
            description="With **care**",
            assignee="ada@example.com",
            additional_fields=more,
        )
    ).data["issue"]
    key = created["key"]
    assert (key, created["labels"], created["assignee"]["name"]) == ("DEMO-13", ["demo"], "ada")
    await tools.call("jira_update_issue", issue_key=key, fields='{"summary": "Sweep twice"}')
    await tools.call("jira_add_comment", issue_key=key, body="On it")
    transitions = (await tools.call("jira_get_transitions", issue_key=key)).data
    assert transitions == [{"id": 21, "name": "Start progress"}, {"id": 31, "name": "Done"}]
    moved = (await tools.call("jira_transition_issue", issue_key=key, transition_id="31", comment="Done")).data
    assert (moved["issue"]["status"]["name"], moved["issue"]["summary"]) == ("Done", "Sweep twice")
    assert [write["kind"] for write in site.writes()] == [
        "issue.created", "issue.assigned", "issue.updated", "comment.added", "issue.transitioned", "comment.added",
    ]  # fmt: skip


async def test_pages_are_found_and_read(tools: Driven) -> None:
    by_words = (await tools.call("confluence_search", query="payment twice")).data
    by_query = (await tools.call("confluence_search", query='type = page AND space = DEMO AND label = "home"')).data
    assert [page["title"] for page in by_words + by_query] == ["Release notes 4.1", "Demo home"]
    by_id = (await tools.call("confluence_get_page", page_id="65539")).data
    by_title = (await tools.call("confluence_get_page", title="How we triage bugs", space_key="DEMO")).data
    assert "**Highest** is fixed the same day" in by_id["metadata"]["content"]["value"]
    assert by_title["metadata"]["id"] == "65539"


async def test_a_page_is_created_updated_and_commented(tools: Driven, site: Site) -> None:
    text = "# Open bugs\n\n| key | what |\n| --- | --- |\n| DEMO-1 | cart & more |"
    created = await tools.call(
        "confluence_create_page", space_key="DEMO", title="Open bugs", content=text, parent_id="65537"
    )
    page_id = created.data["page"]["id"]
    updated = await tools.call("confluence_update_page", page_id=page_id, title="Open bugs", content="None left.")
    commented = await tools.call("confluence_add_comment", page_id=page_id, body="Thanks")
    assert (updated.data["page"]["version"], commented.data["success"]) == (2, True)
    assert [write["kind"] for write in site.writes()] == ["page.created", "page.updated", "comment.added"]
    assert "<td><p>cart &amp; more</p></td>" in site.writes()[0]["body"]


async def test_a_throttled_call_is_made_again_by_the_server_itself(tools: Driven, site: Site) -> None:
    site.fault({"status": 429, "headers": {"Retry-After": "1"}}, path="*/rest/api/2/issue", method="POST")
    created = await tools.call("jira_create_issue", project_key="DEMO", summary="Sweep", issue_type="Task")
    assert created.data["issue"]["key"] == "DEMO-13"
    assert len(site.writes()) == 1
