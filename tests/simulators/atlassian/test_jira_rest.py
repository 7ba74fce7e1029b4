"""The simulated Jira over HTTP, as Server's REST API v2 documents it."""

import json
from pathlib import Path

import pytest

from tests.simulators.atlassian.served import READ_ONLY, Site

NEW = {"project": {"key": "DEMO"}, "issuetype": {"name": "Task"}, "summary": "Sweep the floor"}


def test_the_seed_has_open_bugs_and_done_issues(site: Site) -> None:
    def total(jql: str) -> int:
        return int(site.jira("GET", "/search", params={"jql": jql}).json()["total"])

    assert total("project = DEMO") == 12
    assert total("project = DEMO AND issuetype = Bug AND statusCategory != Done") == 4
    assert total("project = DEMO AND statusCategory = Done") == 4


def test_without_a_known_token_nobody_comes_in(site: Site) -> None:
    for token in (None, "wrong"):
        with site.client(token) as http:
            answer = http.get("/rest/api/2/myself")
        assert (answer.status_code, answer.json()["errors"]) == (401, {})


def test_a_read_only_token_reads_and_does_not_write(site: Site) -> None:
    with site.client(READ_ONLY) as http:
        assert http.get("/rest/api/2/issue/DEMO-1").status_code == 200
        assert http.post("/rest/api/2/issue", json={"fields": NEW}).status_code == 403
        assert http.put("/wiki/rest/api/content/65537", json={}).status_code == 403
    assert site.writes() == []


def test_an_issue_is_created_read_changed_and_deleted(site: Site) -> None:
    fields = NEW | {"labels": ["a", "b"], "priority": {"name": "High"}, "assignee": {"name": "ada"}}
    made = site.jira("POST", "/issue", json={"fields": fields})
    assert (made.status_code, made.json()["key"]) == (201, "DEMO-13")
    shown = site.jira("GET", "/issue/DEMO-13").json()["fields"]
    assert (shown["labels"], shown["priority"]["name"], shown["assignee"]["name"]) == (["a", "b"], "High", "ada")
    assert shown["status"]["statusCategory"]["key"] == "new"
    assert site.jira("PUT", "/issue/DEMO-13", json={"fields": {"summary": "Wash it"}}).status_code == 204
    assert site.jira("GET", "/issue/DEMO-13", params={"fields": "summary"}).json()["fields"] == {"summary": "Wash it"}
    assert site.jira("DELETE", "/issue/DEMO-13").status_code == 204
    assert site.jira("GET", "/issue/DEMO-13").status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"project": {"key": "NONE"}}, "project"),
        ({"issuetype": {"name": "Wish"}}, "issuetype"),
        ({"summary": " "}, "summary"),
        ({"summary": "two\nlines"}, "summary"),
        ({"labels": ["two words"]}, "labels"),
        ({"labels": "a"}, "labels"),
        ({"priority": {"name": "Soon"}}, "priority"),
        ({"assignee": {"name": "nobody"}}, "assignee"),
        ({"customfield_1": 1}, "customfield_1"),
        ({"description": 5}, "description"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_created(site: Site, wrong: dict[str, object], field: str) -> None:
    answer = site.jira("POST", "/issue", json={"fields": NEW | wrong})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert site.writes() == []


def test_an_issue_moves_only_where_its_status_leads(site: Site) -> None:
    def move(transition: str) -> int:
        return site.jira("POST", "/issue/DEMO-1/transitions", json={"transition": {"id": transition}}).status_code

    listed = site.jira("GET", "/issue/DEMO-1/transitions").json()["transitions"]
    assert [(one["id"], one["to"]["name"]) for one in listed] == [("21", "In Progress"), ("31", "Done")]
    assert [move("21"), move("21"), move("31"), move("99")] == [204, 400, 204, 400]
    assert [write["to"] for write in site.writes(kind="issue.transitioned")] == ["In Progress", "Done"]
    assert site.jira("GET", "/issue/DEMO-1").json()["fields"]["resolution"]["name"] == "Done"


def test_comments_are_kept_in_order(site: Site) -> None:
    assert site.jira("POST", "/issue/DEMO-2/comment", json={"body": "second"}).status_code == 201
    assert site.jira("POST", "/issue/DEMO-2/comment", json={"body": " "}).status_code == 400
    shown = site.jira("GET", "/issue/DEMO-2/comment").json()
    assert [one["body"] for one in shown["comments"]] == ["Seen again at three shops.", "second"]


def test_a_search_is_served_in_parts(site: Site) -> None:
    asked = {"jql": "project = DEMO ORDER BY key ASC", "startAt": 10, "maxResults": 5, "fields": ["summary"]}
    found = site.jira("POST", "/search", json=asked).json()
    assert (found["total"], [one["key"] for one in found["issues"]]) == (12, ["DEMO-11", "DEMO-12"])
    assert site.jira("GET", "/search", params={"maxResults": "many"}).status_code == 400


def test_the_surroundings_are_there(site: Site) -> None:
    assert site.jira("GET", "/serverInfo").json()["deploymentType"] == "Server"
    assert [one["key"] for one in site.jira("GET", "/project").json()] == ["DEMO", "OPS"]
    assert site.jira("GET", "/project/NONE").status_code == 404
    assert {"summary", "labels"} <= {one["id"] for one in site.jira("GET", "/field").json()}
    assert site.jira("GET", "/user/search", params={"username": "ada@example.com"}).json()[0]["name"] == "ada"
    assert site.jira("GET", "/user", params={"username": "nobody"}).status_code == 404
    assert site.jira("GET", "/issue/createmeta/DEMO/issuetypes").json()["total"] == 5
    assert site.jira("GET", "/no/such").status_code == 404


def test_every_write_is_in_the_file_once(site: Site, write_log: Path) -> None:
    before = len(write_log.read_text().splitlines()) if write_log.exists() else 0
    site.jira("POST", "/issue", json={"fields": NEW})
    site.jira("POST", "/issue", json={"fields": {}})
    site.jira("PUT", "/issue/DEMO-1/assignee", json={"name": None})
    lines = [json.loads(line) for line in write_log.read_text().splitlines()[before:]]
    assert [(line["kind"], line["key"]) for line in lines] == [
        ("issue.created", "DEMO-13"),
        ("issue.assigned", "DEMO-1"),
    ]
    assert lines == site.writes()


def test_a_body_that_is_no_object_is_refused(site: Site) -> None:
    assert site.jira("POST", "/issue", content=b"{").status_code == 400
    assert site.jira("POST", "/issue", content=b"[]").status_code == 400
