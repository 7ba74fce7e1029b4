"""The issue's own request, planned by the model alone: open bugs are read, summed up, and written as one page."""

import html
import re
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from runtime.local import atlassian
from runtime.local.tool_environments import FOLDER
from runtime.settings import PROJECT_ROOT, Settings
from simulators.atlassian.settings import Settings as SiteSettings
from tests.integration.served import new_database, results, serving_file, told
from tests.simulators.atlassian.served import Site, serve
from tests.workflows.product import Json, Product
from tests.workflows.running import running, settings_of
from tests.workflows.test_tool_steps import approval_of, decide
from tests.workflows.tool_server import as_json

MESSAGE = "List the open bugs of project DEMO and write a summary page in Confluence"
OPEN_BUGS = ["DEMO-1", "DEMO-2", "DEMO-3", "DEMO-5"]
SEARCH, PAGES = "*/rest/api/2/search*", "*/rest/api/content*"
PASSING = {
    "throttled": ({"status": 429, "headers": {"Retry-After": "1"}}, 1),
    "away-twice": ({"status": 503}, 2),
    "malformed": ({"bad_json": True}, 1),
    "dropped": ({"drop": True}, 1),
}
WRITTEN = {
    "lost": {"lost_answer": True},
    "away-after-it": {"status": 503, "done_first": True},
    "malformed": {"bad_json": True, "done_first": True},
}
NOT_WRITTEN = {"away": {"status": 503}, "dropped": {"drop": True}}


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    log = tmp_path_factory.mktemp("site") / "writes.jsonl"
    with serve(SiteSettings(log_path=log, tokens=frozenset({atlassian.TOKEN}))) as site:
        yield site


@pytest.fixture
def site(shared_site: Site) -> Site:
    """Jira and Confluence as they were seeded, without faults."""
    shared_site.reset()
    return shared_site


@pytest_asyncio.fixture(scope="module")
async def shared_product(
    settings: Settings,
    own_database: str,
    temporal_address: str,
    simulator: str,
    shared_site: Site,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Product]:
    if not (PROJECT_ROOT / FOLDER / "atlassian/bin/mcp-atlassian").exists():
        pytest.fail("mcp-atlassian is not installed: run `make tool-servers`", pytrace=False)
    chosen = settings_of(settings, own_database, temporal_address, simulator)
    servers = atlassian.simulated_servers(shared_site.port)["mcpServers"]
    async with serving_file(chosen, tmp_path_factory.mktemp("atlassian"), servers) as product:
        yield product


@pytest_asyncio.fixture
async def product(shared_product: Product) -> Product:
    """The product, with a model name of the test's own."""
    return await shared_product.with_own_model(f"longhaul-sim-{secrets.token_hex(4)}")


async def test_the_plan_reads_sums_up_and_writes_what_was_approved_once(product: Product, site: Site) -> None:
    request_id = await product.submit(MESSAGE)
    approval = await approval_of(product, request_id)
    steps = await product.steps(request_id)
    assert [(one["kind"], one["mcp_action_name"]) for one in steps.values()] == [
        ("tool", "jira_search"),
        ("generate", None),
        ("tool", "confluence_create_page"),
    ]
    assert (steps["s1"]["pin"]["effect"], steps["s3"]["pin"]["effect"]) == ("read", "write")
    assert [one["depends_on"] for one in steps.values()] == [[], ["s1"], ["s2"]]
    summary, arguments = (await results(product, request_id))["s2"], approval["arguments"]
    assert keys_in(summary) == OPEN_BUGS
    assert arguments["content"].startswith(summary)
    assert pages(site) == []
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", False), ended
    (page,) = pages(site)
    assert (page["title"], page["space"]) == (arguments["title"], arguments["space_key"])
    assert plain(summary) in plain(page["body"])
    assert await written_calls(product, request_id) == [("finished", False, arguments)]


async def test_denied_there_is_no_page_and_the_answer_says_so(product: Product, site: Site) -> None:
    request_id = await product.submit(MESSAGE)
    await decide(product, request_id, await approval_of(product, request_id), "deny")
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", True), ended
    assert "denied" in ended["answer"]
    assert site.writes() == []


async def test_approved_by_an_update_as_the_temporal_command_sends_it(product: Product, site: Site) -> None:
    request_id = await product.submit(MESSAGE)
    approval = await approval_of(product, request_id)
    await product.handle(request_id).execute_update("approve", {"approval_id": approval["id"], "decision": "approve"})
    assert (await product.ended(request_id))["phase"] == "done"
    assert len(pages(site)) == 1


async def test_without_approvals_the_page_is_written_at_once(product: Product, site: Site) -> None:
    request_id = await product.submit(MESSAGE, tool_approval="none")
    assert (await product.ended(request_id))["outcome"]["partial"] is False
    assert await told(product, request_id, "approval.asked") == []
    assert len(pages(site)) == 1


async def test_where_every_call_asks_the_read_is_shown_first(product: Product, site: Site) -> None:
    request_id = await product.submit(MESSAGE, tool_approval="all")
    approval = await approval_of(product, request_id)
    assert (approval["action"]["name"], approval["effect"]) == ("jira_search", "read")
    assert "project = DEMO" in approval["arguments"]["jql"]
    assert site.calls(method="GET", path="/rest/api/2/search") == []
    await product.send(request_id, "cancel", reason="enough")
    await product.ended(request_id)


async def test_the_process_call_leaves_an_approval_open_and_shows_the_plan(product: Product, site: Site) -> None:
    body = {"message": MESSAGE, "userId": "ada", "wait": 0}
    answer = await product.api.post("/central-agent/process", json=body)
    assert answer.status_code == 202, answer.text
    request_id = answer.json()["id"]
    await decide(product, request_id, await approval_of(product, request_id))
    await product.ended(request_id)
    shown = (await product.api.get(f"/central-agent/plan/{request_id}")).json()
    assert (shown["status"], [one["status"] for one in shown["steps"]]) == ("Succeeded", ["Succeeded"] * 3)
    assert shown["steps"][2]["mcpActionName"] == "confluence_create_page"
    assert shown["steps"][2]["mcpTargetServerId"] == "atlassian"
    assert len(pages(site)) == 1


@pytest.mark.parametrize(("fault", "times"), PASSING.values(), ids=PASSING)
async def test_a_read_outlives_what_passes(product: Product, site: Site, fault: Json, times: int) -> None:
    site.fault(fault, times=times, method="GET", path=SEARCH)
    request_id = await product.submit(MESSAGE)
    approval = await approval_of(product, request_id)
    assert keys_in(approval["arguments"]["content"]) == OPEN_BUGS
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", False), ended
    assert len(pages(site)) == 1


async def test_a_dead_token_pauses_the_read_until_a_person_has_mended_it(product: Product, site: Site) -> None:
    site.fault({"status": 401}, times=None, method="GET", path=SEARCH)
    request_id = await product.submit(MESSAGE)
    paused = await approval_of(product, request_id, "sign_in")
    assert "Authentication failed for Jira API (401)" in paused["reason"]
    assert len(site.calls(method="GET", path="/rest/api/2/search")) == 1, "a dead token is not tried again and again"
    site.reset()
    await decide(product, request_id, paused)
    await decide(product, request_id, await approval_of(product, request_id))
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", False), ended
    assert len(pages(site)) == 1


async def test_a_read_that_never_works_is_told_in_the_servers_words_and_nothing_is_written(
    product: Product, site: Site
) -> None:
    site.fault({"bad_json": True}, times=None, method="GET", path=SEARCH)
    request_id = await product.submit(MESSAGE, approval_timeout_s=0.5)
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", True), ended
    assert "Error searching issues" in ended["answer"]
    assert site.writes() == []


@pytest.mark.parametrize("fault", WRITTEN.values(), ids=WRITTEN)
async def test_a_page_whose_answer_was_lost_is_found_and_written_once(
    product: Product, site: Site, fault: Json
) -> None:
    site.fault(fault, method="POST", path=PAGES)
    request_id = await product.submit(MESSAGE)
    approval = await approval_of(product, request_id)
    await decide(product, request_id, approval)
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", False), ended
    assert len(pages(site)) == 1
    assert await written_calls(product, request_id) == [("finished", True, approval["arguments"])]


async def test_a_page_that_was_found_is_told_by_its_title_and_address(product: Product, site: Site) -> None:
    site.fault({"lost_answer": True}, method="POST", path=PAGES)
    request_id = await product.submit(MESSAGE, tool_approval="none")
    await product.ended(request_id)
    (page,) = pages(site)
    told_of_it = as_json((await results(product, request_id))["s3"])
    assert (told_of_it["id"], told_of_it["title"]) == (page["key"], page["title"])


@pytest.mark.parametrize("fault", NOT_WRITTEN.values(), ids=NOT_WRITTEN)
async def test_a_page_that_a_look_up_does_not_find_is_written_by_another_try(
    product: Product, site: Site, fault: Json
) -> None:
    site.fault(fault, method="POST", path=PAGES)
    request_id = await product.submit(MESSAGE, tool_approval="none")
    ended = await product.ended(request_id)
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", False), ended
    assert len(pages(site)) == 1
    asked = [call["method"] for call in site.calls() if call["path"] == "/wiki/rest/api/content"]
    assert asked[0] == "POST"
    assert "GET" in asked[1 : asked.index("POST", 1)], "it was made again without a look"
    states = [(state, found) for state, found, _ in await written_calls(product, request_id)]
    assert states == [("failed", False), ("finished", False)]


async def test_a_page_that_may_not_be_written_is_told_as_not_done(product: Product, site: Site) -> None:
    site.fault({"status": 403, "body": {"message": "You may not add pages here."}}, method="POST", path=PAGES)
    ended = await product.ask(MESSAGE, tool_approval="none")
    assert (ended["phase"], ended["outcome"]["partial"]) == ("done", True), ended
    assert "Not done: s3" in ended["answer"]
    assert pages(site) == []
    assert len(site.calls(method="POST", path="/wiki/rest/api/content")) == 1


async def test_a_page_of_another_request_with_the_same_title_is_not_taken_for_ours(
    product: Product, site: Site
) -> None:
    first = await product.ask(MESSAGE, tool_approval="none")
    second = await product.ask(MESSAGE, tool_approval="none")
    assert (first["outcome"]["partial"], second["outcome"]["partial"]) == (False, True)
    assert "already exists" in second["answer"]
    assert len(pages(site)) == 1


@pytest.mark.parametrize(
    ("body", "tool", "seen"),
    [({}, "jira_search", "DEMO-5"), ({"testCase": "confluence"}, "confluence_search", "Demo home")],
    ids=["jira-by-default", "confluence"],
)
async def test_a_trial_calls_the_real_server(product: Product, site: Site, body: Json, tool: str, seen: str) -> None:
    answer = await product.api.post("/central-agent/test-mcp", json=body)
    assert answer.status_code == 200, answer.text
    plan = answer.json()["actionPlan"]
    assert (plan["status"], [one["mcpActionName"] for one in plan["steps"]]) == ("Succeeded", [tool])
    assert seen in answer.json()["result"]
    assert site.writes() == []


async def test_a_trial_of_a_jira_that_refuses_us_fails_in_its_words(product: Product, site: Site) -> None:
    site.fault({"status": 401}, times=None, method="GET", path=SEARCH)
    answer = await product.api.post("/central-agent/test-mcp", json={"wait": 20})
    assert answer.status_code == 200, answer.text
    plan = answer.json()["actionPlan"]
    assert (plan["status"], [one["status"] for one in plan["steps"]]) == ("Failed", ["Failed"])
    assert "(401)" in answer.json()["result"]


async def test_a_trial_without_the_server_is_a_plain_failure(
    settings: Settings, database_url: str, temporal_address: str, simulator: str
) -> None:
    bare = settings_of(settings, await new_database(database_url), temporal_address, simulator)
    async with running(bare) as product:
        answer = await product.api.post("/central-agent/test-mcp", json={"testCase": "confluence"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["result"] == "failed: there is no tool server 'atlassian'"


async def test_a_new_process_of_the_server_offers_the_same_tools(product: Product, site: Site) -> None:
    """Last here: a server that is disabled in between is started anew, as after every restart of a worker."""
    assert (await product.api.post("/v1/tool-servers/atlassian/disable")).is_success
    refused = await product.api.post("/central-agent/test-mcp", json={})
    assert refused.json()["result"] == "failed: atlassian is disabled"
    assert (await product.api.post("/v1/tool-servers/atlassian/enable")).is_success
    answer = await product.api.post("/central-agent/test-mcp", json={"wait": 20})
    assert answer.status_code == 200, "it waits for an approval of what nobody has changed"
    assert answer.json()["actionPlan"]["status"] == "Succeeded"
    assert site.calls(method="GET", path="/rest/api/2/search")


def pages(site: Site) -> list[Json]:
    """Return the pages that were created."""
    return site.writes(kind="page.created")


def keys_in(text: str) -> list[str]:
    """Return the issues that a text names."""
    return sorted(set(re.findall(r"[A-Z]+-\d+", text)))


def plain(text: str) -> str:
    """Return a text without marks and markup, for a comparison of words."""
    return " ".join(re.sub(r"<[^>]*>", " ", html.unescape(text)).split())


async def written_calls(product: Product, request_id: str) -> list[tuple[str, bool, Json]]:
    """Return state, whether it was found by a look-up, and arguments of the writes in the journal."""
    calls = (await product.get(request_id, "/tool-calls"))["calls"]
    return [(one["state"], one["found"], as_json(one["arguments"]["text"])) for one in calls if one["effect"] != "read"]
