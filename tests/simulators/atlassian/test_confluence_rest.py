"""The simulated Confluence over HTTP, as Server's REST API documents it."""

from typing import Any

import pytest

from tests.simulators.atlassian.served import Site


def page(title: str, body: str = "<p>x</p>", **more: Any) -> dict[str, Any]:
    storage = {"storage": {"value": body, "representation": "storage"}}
    return {"type": "page", "title": title, "space": {"key": "DEMO"}, "body": storage} | more


def make(site: Site, title: str) -> str:
    answer = site.wiki("POST", "/content", json=page(title))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_both_prefixes_serve(site: Site) -> None:
    for prefix in ("/wiki/rest/api", "/rest/api"):
        assert [one["key"] for one in site.http.get(f"{prefix}/space").json()["results"]] == ["DEMO", "OPS"]
        assert site.http.get(f"{prefix}/user/current").json()["username"] == "longhaul"


def test_a_page_is_created_and_read_by_id_and_by_title(site: Site) -> None:
    made = site.wiki("POST", "/content/", json=page("Plan", "<p>a &rarr; b</p>", ancestors=[{"id": "65537"}])).json()
    by_id = site.wiki("GET", f"/content/{made['id']}", params={"expand": "body.storage,version,ancestors,space"}).json()
    asked = {"spaceKey": "DEMO", "title": "Plan", "expand": "body.storage"}
    by_title = site.wiki("GET", "/content", params=asked).json()["results"]
    assert by_id["body"]["storage"]["value"] == "<p>a &rarr; b</p>"
    assert (by_id["version"]["number"], by_id["space"]["key"]) == (1, "DEMO")
    assert [one["title"] for one in by_id["ancestors"]] == ["Demo home"]
    assert [one["id"] for one in by_title] == [made["id"]]
    assert "version" not in by_title[0]


def test_a_title_is_there_once_in_a_space(site: Site) -> None:
    make(site, "Plan")
    again = site.wiki("POST", "/content", json=page("plan"))
    assert (again.status_code, again.json()["statusCode"]) == (400, 400)
    assert "already exists" in again.json()["message"]
    elsewhere = page("Plan") | {"space": {"key": "OPS"}}
    assert site.wiki("POST", "/content", json=elsewhere).status_code == 200
    assert len(site.writes(kind="page.created")) == 2


def test_only_the_next_version_is_taken(site: Site) -> None:
    made = make(site, "Plan")

    def save(version: int | None, title: str = "Plan") -> int:
        stamp = {} if version is None else {"version": {"number": version, "message": "why"}}
        return site.wiki("PUT", f"/content/{made}", json=page(title, f"<p>{version}</p>") | stamp).status_code

    assert [save(1), save(3), save(None), save(2), save(2), save(3, "Demo home")] == [409, 409, 400, 200, 409, 400]
    now = site.wiki("GET", f"/content/{made}", params={"expand": "version,body.storage"}).json()
    old = {"version": 1, "status": "historical", "expand": "body.storage"}
    assert (now["version"]["number"], now["version"]["message"]) == (2, "why")
    assert site.wiki("GET", f"/content/{made}", params=old).json()["body"]["storage"]["value"] == "<p>x</p>"
    assert site.wiki("GET", f"/content/{made}", params={"version": 9}).status_code == 404
    assert site.wiki("GET", f"/content/{made}/history").json()["lastUpdated"]["number"] == 2


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"body": {"storage": {"value": "<p>open"}}}, 400),
        ({"title": " "}, 400),
        ({"title": "x" * 256}, 400),
        ({"type": "folder"}, 400),
        ({"space": {"key": "NONE"}}, 404),
        ({"ancestors": [{"id": "1"}]}, 404),
        ({"type": "comment", "container": {"id": "1"}}, 404),
    ],
)
def test_a_wrong_page_is_refused(site: Site, wrong: dict[str, Any], status: int) -> None:
    assert site.wiki("POST", "/content", json=page("Plan") | wrong).status_code == status
    assert site.writes() == []


def test_children_labels_and_comments(site: Site) -> None:
    made = make(site, "Plan")
    children = site.wiki("GET", "/content/65537/child/page").json()["results"]
    assert [one["title"] for one in children] == ["Release notes 4.1", "How we triage bugs"]
    assert site.wiki("POST", f"/content/{made}/label", json=[{"prefix": "global", "name": "new"}]).status_code == 200
    assert site.wiki("POST", f"/content/{made}/label", json={"name": "two words"}).status_code == 400
    assert [one["name"] for one in site.wiki("GET", f"/content/{made}/label").json()["results"]] == ["new"]
    comment = page("") | {"type": "comment", "container": {"id": made, "type": "page"}}
    added = site.wiki("POST", "/content", json=comment).json()["id"]
    assert site.wiki("GET", f"/content/{added}").json()["type"] == "comment"
    assert [one["id"] for one in site.wiki("GET", f"/content/{made}/child/comment").json()["results"]] == [added]
    assert site.wiki("GET", f"/content/{made}/child/folder").json()["results"] == []
    assert site.wiki("POST", "/content", json=comment | {"body": {}}).status_code == 400


def test_properties_and_deletion(site: Site) -> None:
    made = make(site, "Plan")
    assert site.wiki("POST", f"/content/{made}/property", json={"key": "k", "value": "v"}).status_code == 200
    assert site.wiki("GET", f"/content/{made}/property").json()["results"][0]["value"] == "v"
    assert site.wiki("DELETE", f"/content/{made}").status_code == 204
    missing = site.wiki("GET", f"/content/{made}")
    assert (missing.status_code, missing.json()["reason"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("cql", "titles"),
    [
        ("type = page AND space = DEMO AND title = 'Demo home'", ["Demo home"]),
        ('title ~ "release"', ["Release notes 4.0", "Release notes 4.1"]),
        ('text ~ "payment" AND space in (DEMO)', ["Release notes 4.1"]),
        ('siteSearch ~ "process"', ["How we triage bugs", "On-call handbook"]),
        ("label = process AND space != OPS", ["How we triage bugs"]),
        ("label in (archive, home)", ["Demo home", "Release notes 4.0"]),
        ("space = DEMO AND created < now('-39d')", ["Demo home", "Release notes 4.1"]),
        ("parent = 65537 AND NOT title ~ 'release'", ["How we triage bugs"]),
        ("type = blogpost", []),
    ],
)
def test_cql_finds(site: Site, cql: str, titles: list[str]) -> None:
    answer = site.wiki("GET", "/search", params={"cql": f"{cql} ORDER BY title", "expand": "content.version"}).json()
    assert [one["content"]["title"] for one in answer["results"]] == titles
    assert answer["totalSize"] == len(titles)
    same = site.wiki("GET", "/content/search", params={"cql": f"{cql} ORDER BY title"}).json()
    assert [one["title"] for one in same["results"]] == titles


@pytest.mark.parametrize("cql", ["", "type", "nosuch = 1", "siteSearch = x", "space ~ DEMO", "title = (a"])
def test_what_is_no_cql_is_refused(site: Site, cql: str) -> None:
    assert site.wiki("GET", "/search", params={"cql": cql}).status_code == 400
