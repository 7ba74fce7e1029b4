"""JQL: what each comparison finds in the seed, and what is refused."""

import pytest

from tests.simulators.atlassian.served import Site

BUGS = ["DEMO-1", "DEMO-2", "DEMO-3", "DEMO-4", "DEMO-5", "DEMO-6"]


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ("project = DEMO AND issuetype = Bug", BUGS),
        ('project = "Demo project" and type = bug', BUGS),
        ("project = DEMO AND issuetype = Bug AND statusCategory != Done", ["DEMO-1", "DEMO-2", "DEMO-3", "DEMO-5"]),
        ("statusCategory = 'In Progress' AND type in (Bug, Task)", ["DEMO-2", "DEMO-7"]),
        ("project = DEMO AND status not in (Done, 'To Do')", ["DEMO-2", "DEMO-7", "DEMO-11"]),
        ("type = Bug AND (priority = Highest OR labels = export)", ["DEMO-1", "DEMO-6"]),
        ("type = Bug AND NOT project = DEMO", ["OPS-1"]),
        ("assignee = currentUser()", []),
        ("reporter = currentUser() AND key = DEMO-3", ["DEMO-3"]),
        ("type = Bug AND assignee is EMPTY", ["DEMO-3", "DEMO-5"]),
        ("project = DEMO AND type = Bug AND assignee is not empty", ["DEMO-1", "DEMO-2", "DEMO-4", "DEMO-6"]),
        ("assignee = 'Ada Byron' AND type = Bug AND project = DEMO", ["DEMO-1", "DEMO-4"]),
        ("project = DEMO AND type = Bug AND resolution = Unresolved AND labels = checkout", ["DEMO-1", "DEMO-2"]),
        ("type = Bug AND resolution is not EMPTY", ["DEMO-4", "DEMO-6"]),
        ('text ~ "payment"', ["DEMO-2"]),
        ('summary ~ "curren*"', ["DEMO-5"]),
        ('text ~ "\\"empty cart\\"" AND summary ~ "cart"', ["DEMO-1"]),
        ('summary ~ "\\"cart empty\\""', []),
        ('comment ~ "shops"', ["DEMO-2"]),
        ("project = DEMO AND created >= -3d", ["DEMO-1", "DEMO-5"]),
        ("project = DEMO AND created < -60d", ["DEMO-9", "DEMO-12"]),
        ("project = DEMO AND updated > -20h", ["DEMO-5"]),
        ("key = DEMO-1 AND created < startOfDay() AND created > startOfYear('-1y')", ["DEMO-1"]),
        ("key = DEMO-1 AND created < startOfMonth('1M') AND updated <= now()", ["DEMO-1"]),
        ("key = DEMO-1 AND created < startOfWeek('1w') AND created > '2020-01-31 12:00'", ["DEMO-1"]),
        ("issue in (DEMO-1, DEMO-2, DEMO-99)", ["DEMO-1", "DEMO-2"]),
        ("labels not in (checkout, search) AND type = Story", ["DEMO-12"]),
    ],
)
def test_a_query_finds(site: Site, jql: str, keys: list[str]) -> None:
    found = site.jira("GET", "/search", params={"jql": f"{jql} ORDER BY key ASC"}).json()
    assert [one["key"] for one in found["issues"]] == keys


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("", "DEMO-5"),
        ("ORDER BY priority DESC", "DEMO-1"),
        ("ORDER BY priority ASC, created DESC", "DEMO-5"),
        ("order by created", "DEMO-6"),
        ("ORDER BY summary", "DEMO-1"),
        ("ORDER BY status, key DESC", "DEMO-6"),
    ],
)
def test_an_order_is_kept(site: Site, order: str, first: str) -> None:
    found = site.jira("GET", "/search", params={"jql": f"project = DEMO AND type = Bug {order}"}).json()
    assert found["issues"][0]["key"] == first


@pytest.mark.parametrize(
    "jql",
    [
        "project",
        "project DEMO",
        "project = ",
        "project = DEMO AND",
        "project = DEMO type = Bug",
        "(project = DEMO",
        "project = DEMO)",
        "project in DEMO",
        "project in (DEMO",
        "nosuch = 1",
        "project = NOSUCH",
        "project = DEMO OR status = Nosuch",
        "status ~ Done",
        "summary = Checkout",
        "created > yesterday",
        "created in (2026-01-01)",
        "assignee = nosuch()",
        "created > nosuch()",
        "assignee = membersOf(a",
        "ORDER BY nosuch",
        "ORDER BY",
        "project = DEMO ORDER created",
        "summary ~ 'open",
        "(" * 60 + "project = DEMO" + ")" * 60,
    ],
)
def test_what_is_no_jql_is_refused_as_jira_does(site: Site, jql: str) -> None:
    answer = site.jira("GET", "/search", params={"jql": jql})
    assert answer.status_code == 400
    assert answer.json()["errorMessages"][0].startswith("Error in the JQL Query: ")
