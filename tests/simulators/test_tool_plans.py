"""How the simulated planner uses tools: with what real servers list, in several languages, and only where they fit."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.admission import admit
from domain.documents import StepDocument, ToolOffer, UnderstandDocument
from domain.drafts import read_steps
from domain.errors import Problem
from domain.request import Caps
from domain.tools import ActionType
from services.llm.schemas import planned_steps
from simulators.model_provider.json_value import Json
from simulators.model_provider.rules.step import step
from simulators.model_provider.rules.understand import understand
from simulators.model_provider.schemas import fit
from tests.simulators.real_tools import LISTED, calls, offered, planned

OPEN_BUGS = {"jql": "project = DEMO AND issuetype = Bug AND statusCategory != Done", "limit": 50}
CONTEXT = {"projects": [{"key": "ATL", "name": "Atlas", "members": ["Ada Lovelace"]}]}


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("List the open bugs of project DEMO and write a summary page in Confluence", "Open bugs of project DEMO"),
        (
            "Liste die offenen Fehler des Projekts DEMO und schreibe eine Zusammenfassung als Seite in Confluence",
            "Offenen Fehler des Projekts DEMO",
        ),
        ("列出项目DEMO的未解决缺陷，并在Confluence写一个总结页面", "项目DEMO的未解决缺陷"),
        (
            "Liệt kê các lỗi đang mở của dự án DEMO và viết một trang tóm tắt trong Confluence",
            "Lỗi đang mở của dự án DEMO",
        ),
        (
            "Liste les bogues ouverts du projet DEMO et écris une page de résumé dans Confluence",
            "Bogues ouverts du projet DEMO",
        ),
    ],
)
def test_bugs_are_read_put_into_words_and_written_down(message: str, title: str) -> None:
    steps = planned(message)
    assert [(it["id"], it["kind"], it["depends_on"]) for it in steps] == [
        ("s1", "tool", []),
        ("s2", "generate", ["s1"]),
        ("s3", "tool", ["s2"]),
    ]
    assert calls(message) == [
        ("jira_search", OPEN_BUGS),
        ("confluence_create_page", {"space_key": "DEMO", "title": title, "content": "{{steps.s2.result}}"}),
    ]


@pytest.mark.parametrize(
    ("message", "name", "parameters"),
    [
        ("List the open bugs of project DEMO.", "jira_search", OPEN_BUGS),
        ('Search Jira for "login error"', "jira_search", {"jql": 'text ~ "login error"', "limit": 50}),
        ("List all Jira issues", "jira_search", {"jql": "ORDER BY created DESC", "limit": 50}),
        ("Show DEMO-12", "jira_get_issue", {"issue_key": "DEMO-12"}),
        ("Zeige das Ticket DEMO-12", "jira_get_issue", {"issue_key": "DEMO-12"}),
        ("Add a comment to DEMO-1: looks good", "jira_add_comment", {"issue_key": "DEMO-1", "body": "looks good"}),
        (
            "Create a bug in DEMO: login fails on Safari",
            "jira_create_issue",
            {"project_key": "DEMO", "summary": "login fails on Safari", "issue_type": "Bug"},
        ),
        (
            'Create a task in project OPS called "Rotate keys"',
            "jira_create_issue",
            {"project_key": "OPS", "summary": "Rotate keys", "issue_type": "Task"},
        ),
        (
            "Transition DEMO-2 with transition 31",
            "jira_transition_issue",
            {"issue_key": "DEMO-2", "transition_id": "31"},
        ),
        (
            "Update the description of DEMO-3: now in detail",
            "jira_update_issue",
            {"issue_key": "DEMO-3", "fields": '{"description": "now in detail"}'},
        ),
        ("Delete DEMO-3", "jira_delete_issue", {"issue_key": "DEMO-3"}),
        ("Find pages about onboarding in Confluence", "confluence_search", {"query": "onboarding", "limit": 50}),
        (
            'Show the Confluence page "Home" in space DOCS',
            "confluence_get_page",
            {"title": "Home", "space_key": "DOCS"},
        ),
        ("Get the comments of page 123456 in Confluence", "confluence_get_comments", {"page_id": "123456"}),
        ("What time is it in Tokyo?", "get_current_time", {"timezone": "Asia/Tokyo"}),
        ("Wie spät ist es in Berlin?", "get_current_time", {"timezone": "Europe/Berlin"}),
        ("What time is it?", "get_current_time", {"timezone": "UTC"}),
        (
            "Convert 9:30 from Tokyo to Berlin",
            "convert_time",
            {"source_timezone": "Asia/Tokyo", "time": "09:30", "target_timezone": "Europe/Berlin"},
        ),
        ("Fetch https://example.com/a?b=c", "fetch", {"url": "https://example.com/a?b=c"}),
        ("Show the git log of /srv/repo", "git_log", {"repo_path": "/srv/repo"}),
        ("List the files in /srv/data", "list_directory", {"path": "/srv/data"}),
        ("Read the file /srv/a.txt", "read_file", {"path": "/srv/a.txt"}),
        ('Write "hello" to the file /srv/b.txt', "write_file", {"path": "/srv/b.txt", "content": "hello"}),
        ("Add 2 and 3.5", "get-sum", {"a": 2, "b": 3.5}),
        ("Echo hello world", "echo", {"message": "hello world"}),
    ],
)
def test_a_clause_becomes_a_call(message: str, name: str, parameters: dict[str, Any]) -> None:
    assert calls(message) == [(name, parameters)]


@pytest.mark.parametrize(
    ("message", "jql"),
    [
        (
            "List my high priority bugs in DEMO from the last 7 days",
            "project = DEMO AND issuetype = Bug AND assignee = currentUser() AND priority = High AND created >= -7d",
        ),
        ("Find closed issues of project DEMO", "project = DEMO AND statusCategory = Done"),
        ("Find issues in progress of DEMO", 'project = DEMO AND status = "In Progress"'),
        ("List the unresolved bugs of Atlas", "project = ATL AND issuetype = Bug AND statusCategory != Done"),
        ("Find issues about slow logins in Jira", 'text ~ "slow logins"'),
    ],
)
def test_words_become_jql(message: str, jql: str) -> None:
    assert calls(message, context=CONTEXT) == [("jira_search", {"jql": jql, "limit": 50})]


def test_a_query_language_of_pages_is_spoken_too() -> None:
    field = {"type": "string"}
    schema = {"properties": {"cql": field}, "required": ["cql"]}
    tool = ToolOffer(
        mcp_target_server_id="w", mcp_action_type=ActionType.TOOL, mcp_action_name="wiki_search", input_schema=schema
    )
    made = calls('Find wiki pages with "deep \\"water" in space DOCS', tools=(tool,))
    assert made[0][1]["cql"].startswith('type = page AND space = DOCS AND text ~ "')


@pytest.mark.parametrize(
    ("message", "kinds", "content"),
    [
        ("Write a page about owls in Confluence space ZOO", ["generate", "tool"], "{{steps.s1.result}}"),
        ("Write a haiku. Then add it as a comment to DEMO-1", ["generate", "tool"], "{{steps.s1.result}}"),
        ("Show DEMO-1. Then add it as a comment to DEMO-2", ["tool", "generate", "tool"], "{{steps.s2.result}}"),
    ],
)
def test_what_a_tool_writes_is_written_first(message: str, kinds: list[str], content: str) -> None:
    steps = planned(message)
    assert [it["kind"] for it in steps] == kinds
    assert content in steps[-1]["mcp_parameters"].values()
    assert steps[-1]["depends_on"] == [steps[-2]["id"]]


def test_the_project_of_the_context_is_the_space() -> None:
    ((_, parameters),) = calls("Write a page about owls in Confluence for Atlas", context=CONTEXT)
    assert parameters["space_key"] == "ATL"


def test_a_summary_waits_for_what_was_read() -> None:
    steps = planned("List the open bugs of project DEMO and write a short report. Write a haiku.")
    assert [it["depends_on"] for it in steps] == [[], ["s1"], []]
    fetched = planned("Fetch https://example.com/a and summarise it")
    assert [(it["kind"], it["depends_on"]) for it in fetched] == [("tool", []), ("generate", ["s1"])]


@pytest.mark.parametrize(
    "message",
    [
        "Write a haiku about rain. List three rivers of Europe.",
        "Move DEMO-2 to Done",
        "Translate the page into French",
        "Write an article about owls",
        "Find my pattern in the files",
        "Ask me which bug to list",
        "Convert time",
    ],
)
def test_what_no_tool_does_or_what_is_not_told_is_no_call(message: str) -> None:
    assert calls(message) == []


@pytest.mark.parametrize("message", ["Show DEMO-12", "What time is it in Tokyo?", "列出项目DEMO的未解决缺陷"])
def test_a_message_that_needs_a_tool_is_not_simple(message: str) -> None:
    names = tuple(f"{tool['server']}/{tool['name']}" for tool in LISTED)
    assert understand(UnderstandDocument(message=message))["simple"]
    assert not understand(UnderstandDocument(message=message, tools=names))["simple"]
    assert understand(UnderstandDocument(message="Write a haiku", tools=names))["simple"]


def test_a_user_may_name_the_tool_and_its_parameters() -> None:
    given = {"text": "hi; you [x]", "tags": ["a", "b"], "n": {"m": 1}}
    message = f"Save this [tool=notes/note_create; parameters={json.dumps(given)}; timeout_s=9]. Count owls"
    first, second = planned(message, tools=offered("echo"))
    assert (first["kind"], first["prompt"], first["timeout_s"]) == ("tool", "Save this", 9)
    assert (first["mcp_target_server_id"], first["mcp_action_type"]) == ("notes", "tool")
    assert (first["mcp_action_name"], first["mcp_parameters"]) == ("note_create", given)
    assert (second["kind"], second["prompt"]) == ("generate", "Count owls")


@pytest.mark.parametrize(
    ("options", "parameters"),
    [("type=resource", {}), ('type=resource; parameters={"id":1}', {"id": 1}), ("parameters=[1", "[1")],
)
def test_resources_may_be_named_and_what_is_no_object_is_left_to_admission(options: str, parameters: Json) -> None:
    message = f"Read it [tool=notes/notes://all/{{id}}; {options}]"
    if parameters == "[1":
        message = "Read it [tool=notes/notes://all/{id}; parameters=1x]"
        parameters = "1x"
    (made,) = planned(message, tools=offered("echo"))
    assert (made["mcp_action_name"], made["mcp_parameters"]) == ("notes://all/{id}", parameters)


def test_a_repair_does_without_brackets_and_without_the_tool_that_did_not_pass() -> None:
    message = 'Echo hello [tool=everything/ecko; parameters={"a":1}]. Show DEMO-1'
    tools = offered("echo", "jira_get_issue")
    first = Problem(code="tool_missing", path="/steps/0/mcp_action_name", message="no")
    second = Problem(code="schema", path="/steps/1/mcp_parameters/issue_key", message="no")
    assert [it["mcp_action_name"] for it in planned(message, tools=tools)] == ["ecko", "jira_get_issue"]
    assert calls(message, tools=tools, problems=(first,)) == [
        ("echo", {"message": "hello"}),
        ("jira_get_issue", {"issue_key": "DEMO-1"}),
    ]
    assert calls(message, tools=tools, problems=(second,)) == [("echo", {"message": "hello"})]


def test_a_plan_keeps_within_its_steps() -> None:
    message = "Write a page about owls in Confluence space ZOO"
    assert [it["kind"] for it in planned(message, max_steps=1)] == ["generate"]
    assert [it["kind"] for it in planned(message, max_steps=2)] == ["generate", "tool"]


def test_without_the_kind_nothing_is_called() -> None:
    assert calls("Show DEMO-1", kinds=("generate",)) == []


def test_a_planned_call_passes_the_schema_that_is_asked_for() -> None:
    message = "List the open bugs of project DEMO and write a summary page in Confluence"
    draft = {"steps": planned(message)}
    assert fit(draft, dict(planned_steps().schema)) == draft


def test_bugs_are_summed_up_line_by_line() -> None:
    read = {
        "total": 2,
        "issues": [{"key": "D-1", "summary": "Login fails", "status": {"name": "To Do"}}, {"key": "D-2"}],
    }
    for text in (json.dumps(read), json.dumps({"result": json.dumps(read)})):
        told = step(StepDocument(step_id="s2", prompt="Summarise it", language="en", inputs={"s1": text}))
        assert told.endswith("- D-1: Login fails (To Do)\n- D-2")
    plain = step(StepDocument(step_id="s2", prompt="Summarise it", language="en", inputs={"s1": '{"a": "b'}))
    assert "In short" in plain


WORDS = """
list show create add write bug page DEMO DEMO-1 in to Confluence: time and then [tool= /srv https://x.y 12 , . 列出
缺陷 « “ comment file sum git
"""
MESSAGES = st.text(max_size=80) | st.lists(
    st.sampled_from(WORDS.split()),
    max_size=12,
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_any_message_gives_a_plan_with_tools_that_is_admitted(message: str) -> None:
    names = [tool["name"] for tool in LISTED[::3]]
    steps, problems = read_steps(tuple(planned(message, tools=offered(*names))), max_steps=50)
    assert problems == ()
    assert admit(steps, Caps(max_steps=50), bound=False) == ()


def made_up(**properties: dict[str, Any]) -> ToolOffer:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ToolOffer(
        mcp_target_server_id="w", mcp_action_type=ActionType.TOOL, mcp_action_name="widget_create", input_schema=schema
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"enum": ["small", "large"]}, "large"),
        ({"enum": ["red", "green"]}, "red"),
        ({"type": "string", "default": "x"}, "x"),
        ({"type": "boolean"}, False),
        ({"type": "integer"}, 7),
        ({"type": "string"}, "Big One"),
    ],
)
def test_a_required_parameter_of_an_unknown_name_is_filled_by_its_type(field: dict[str, Any], value: Json) -> None:
    message = 'Create a large widget "Big One" of 7 parts'
    assert calls(message, tools=(made_up(thing=field),)) == [("widget_create", {"thing": value})]


@pytest.mark.parametrize("field", [{"type": "object"}, {"type": "array"}, {}])
def test_what_has_no_such_type_is_not_guessed(field: dict[str, Any]) -> None:
    assert calls("Create a widget", tools=(made_up(thing=field),)) == []
    assert calls("Create a widget", tools=(made_up(owner_id={"type": "string"}),)) == []


def test_values_take_the_type_that_is_wanted() -> None:
    offer = made_up(
        issue_keys={"type": "array"}, page_id={"type": "string"}, urls={"type": "string"}, n={"type": "integer"}
    )
    message = "Create a widget of DE-1 and DE-2 for page 123456 and 8 of https://a.example/x"
    assert calls(message, tools=(offer,)) == [
        (
            "widget_create",
            {"issue_keys": ["DE-1", "DE-2"], "page_id": "123456", "urls": "https://a.example/x", "n": 123456},
        )
    ]


def test_a_resource_is_not_called_by_chance() -> None:
    offer = made_up().model_copy(update={"mcp_action_type": ActionType.PROMPT})
    assert calls("Create a widget", tools=(offer,)) == []
