"""The issue's own request, planned by the model alone: open bugs are read, summed up, and written as one page."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from runtime.local import atlassian
from runtime.local.tool_environments import FOLDER
from runtime.settings import PROJECT_ROOT, Settings
from simulators.atlassian.settings import Settings as SiteSettings
from tests.integration.served import results, serving_file, step, told
from tests.simulators.atlassian.served import Site, serve
from tests.workflows.product import Json, Product, eventually
from tests.workflows.running import settings_of
from tests.workflows.test_tool_steps import approval_of, decide

MESSAGE = "List the open bugs of project DEMO and write a summary page in Confluence"


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


@pytest.fixture
def product(shared_product: Product, request: pytest.FixtureRequest) -> Product:
    """The product, with a model name of the test's own."""
    return shared_product.with_model(f"longhaul-sim-{request.node.name}")




@pytest.mark.parametrize("fault", [
    ({"status": 503}, 1),
    ({"status": 503, "done_first": True}, 1),
    ({"status": 401}, 1),
    ({"lost_answer": True}, 1),
    ({"drop": True}, 1),
    ({"bad_json": True, "done_first": True}, 1),
    ({"status": 429, "headers": {"Retry-After": "1"}}, 1),
], ids=str)
async def test_probe(product: Product, site: Site, fault) -> None:
    import time
    site.fault(fault[0], times=fault[1], method="POST", path="*/rest/api/content*")
    t = time.time()
    request_id = await product.submit(MESSAGE)
    first = await approval_of(product, request_id)
    t = time.time()
    await product.handle(request_id).execute_update("approve", {"approval_id": first["id"], "decision": "approve"})
    async def look():
        seen = await product.get(request_id)
        return seen if seen["phase"] in ("done", "failed") or any(a["id"] != first["id"] for a in seen["approvals"]) else None
    seen = await eventually(look, within_s=50)
    print("\n#####", fault, round(time.time() - t, 1), seen["phase"], seen["outcome"], seen["approvals"])
    print("ANSWER", (seen["answer"] or "")[-600:])
    for one in (await product.get(request_id, "/plan"))["steps"]:
        print("  STEP", one["id"], one["kind"], one["mcp_action_name"], one["status"], one["round"], one["note"], one["evaluation"], (one["result"] or {}).get("text", "")[:150])
    for one in (await product.get(request_id, "/tool-calls"))["calls"]:
        print("  CALL", one["id"][-8:], one["action"]["name"], one["state"], one["found"], one["error_code"], one["error"], one["marks"])
    print("  HTTP", [(c["method"], c["path"], c["status"], bool(c["fault"])) for c in site.calls() if "content" in c["path"] or c["fault"]])
    print("  PAGES", len([w for w in site.writes() if w["kind"] == "page.created"]))
    await product.send(request_id, "cancel", reason="enough")

async def test_trials(product: Product, site: Site) -> None:
    r = await product.api.post("/v1/tool-servers/atlassian/disable")
    print(r.text[:200])
    r = await product.api.post("/central-agent/test-mcp", json={"testCase": "jira"})
    print(r.status_code, r.text)
    r = await product.api.post("/v1/tool-servers/atlassian/enable")
    site.fault({"status": 401}, times=None, method="GET", path="*/rest/api/2/search*")
    import time; t=time.time()
    r = await product.api.post("/central-agent/test-mcp", json={"testCase": "jira"})
    print(time.time()-t, r.status_code, r.text)
