"""Scripted faults: each does what it says, to the calls it is for, as often as it says."""

import time

import httpx
import pytest

from tests.simulators.atlassian.served import Site

ISSUE = "/issue/DEMO-1"
COMMENT = {"body": "hello"}


def test_a_fault_hits_the_calls_it_is_for(site: Site) -> None:
    site.fault({"status": 503}, method="POST", path="*/rest/api/2/issue/*/comment", contains="hello")
    assert site.jira("GET", f"{ISSUE}/comment").status_code == 200
    assert site.jira("POST", f"{ISSUE}/comment", json={"body": "other"}).status_code == 201
    assert [site.jira("POST", f"{ISSUE}/comment", json=COMMENT).status_code for _ in range(2)] == [503, 201]
    assert site.http.get("/__sim/faults").json()["faults"][0]["applied"] == 1


def test_a_query_can_be_matched_and_calls_can_pass_first(site: Site) -> None:
    site.fault({"status": 429, "headers": {"Retry-After": "7"}}, times=1, skip=1, contains="project = DEMO")
    asked = {"jql": "project = DEMO"}
    answers = [site.jira("GET", "/search", params=asked) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 429, 200]
    assert answers[1].headers["Retry-After"] == "7"


@pytest.mark.parametrize(("status", "kind"), [(404, "application/json"), (503, "text/html")])
def test_a_status_is_worded_as_the_product_does(site: Site, status: int, kind: str) -> None:
    site.fault({"status": status}, times=2)
    for answer in (site.jira("GET", ISSUE), site.wiki("GET", "/content/65537")):
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith(kind)


def test_a_body_can_be_given(site: Site) -> None:
    site.fault({"status": 500, "body": {"a": 1}})
    site.fault({"status": 500, "body": "text"})
    assert site.jira("GET", ISSUE).json() == {"a": 1}
    assert site.jira("GET", ISSUE).text == "text"


def test_nothing_is_done_unless_it_is_done_first(site: Site) -> None:
    for fault in ({"status": 503}, {"bad_json": True}):
        site.fault(fault)
        site.jira("POST", f"{ISSUE}/comment", json=COMMENT)
        assert site.writes() == []
        site.fault(fault | {"done_first": True})
        site.jira("POST", f"{ISSUE}/comment", json=COMMENT)
        assert len(site.writes()) == 1
        site.reset()


def test_bad_json_is_no_json(site: Site) -> None:
    site.fault({"bad_json": True})
    with pytest.raises(ValueError, match="Expecting"):
        site.jira("GET", ISSUE).json()


def test_a_lost_answer_is_a_write_without_one(site: Site) -> None:
    site.fault({"lost_answer": True})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
        site.jira("POST", f"{ISSUE}/comment", json=COMMENT)
    assert [write["body"] for write in site.writes()] == ["hello"]
    assert site.calls(method="POST")[-1]["status"] is None


def test_a_dropped_connection_does_nothing(site: Site) -> None:
    site.fault({"drop": True})
    with pytest.raises(httpx.RemoteProtocolError):
        site.jira("POST", f"{ISSUE}/comment", json=COMMENT)
    assert site.writes() == []
    assert site.jira("GET", ISSUE).status_code == 200


def test_a_hanging_call_ends_with_its_client(site: Site) -> None:
    site.fault({"hang": True})
    with pytest.raises(httpx.ReadTimeout):
        site.jira("GET", ISSUE, timeout=0.2)
    assert site.jira("GET", ISSUE).status_code == 200


def test_a_slow_call_is_answered_all_the_same(site: Site) -> None:
    site.fault({"delay_s": 0.3})
    begun = time.monotonic()
    assert site.jira("GET", ISSUE).status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_a_stranger_is_turned_away_before_anything_is_done(site: Site) -> None:
    site.fault({"lost_answer": True})
    with site.client("wrong") as http:
        assert http.post(f"/rest/api/2{ISSUE}/comment", json=COMMENT).status_code == 401
    assert site.writes() == []


def test_reset_brings_the_seed_back(site: Site) -> None:
    site.fault({"status": 500}, times=None)
    site.jira("POST", f"{ISSUE}/comment", json=COMMENT)
    site.reset()
    assert (site.calls(), site.writes(), site.http.get("/__sim/faults").json()) == ([], [], {"faults": []})
    site.fault({"status": 500}, times=None)
    assert site.http.delete("/__sim/faults").status_code == 204
    assert site.jira("GET", f"{ISSUE}/comment").json()["total"] == 0


def test_calls_are_listed_with_what_became_of_them(site: Site) -> None:
    site.jira("GET", "/search", params={"jql": "project = NONE"})
    call = site.calls()[-1]
    assert (call["method"], call["path"], call["query"]) == ("GET", "/rest/api/2/search", "jql=project = NONE")
    assert (call["status"], call["fault"]) == (400, None)
    assert site.calls(status="200") == []


@pytest.mark.parametrize(
    "rule", [{"fault": {"statsu": 1}}, {"fault": {"status": 5}}, {"match": {"x": 1}, "fault": {}}, 1]
)
def test_a_wrong_rule_is_refused(site: Site, rule: object) -> None:
    assert site.http.post("/__sim/faults", json=rule).status_code == 400
    assert site.http.post("/__sim/faults", content=b"{").status_code == 400
