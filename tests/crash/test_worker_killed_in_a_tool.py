"""SIGKILL of the worker round a write to the real `mcp-atlassian`: the page is there once, by the simulator's log."""

from typing import Any

import pytest

from tests.crash.machine import Machine
from tests.workflows.product import Product, eventually
from tests.workflows.test_tool_steps import approval_of, decide

MESSAGE = "List the open bugs of project DEMO and write a summary page in Confluence titled “{title}”"
PAGES = "*/rest/api/content*"


async def pages(machine: Machine, title: str) -> list[Any]:
    """Return the pages of this title that were created."""
    writes = (await machine.jira.get("/__sim/writes")).json()["writes"]
    return [write for write in writes if write["kind"] == "page.created" and write["title"] == title]


async def waiting_for_approval(product: Product, title: str) -> str:
    """Submit, and approve the write; return the request's id."""

    async def tools_known() -> bool:
        return bool((await product.api.get("/v1/tools", params={"query": "confluence_create_page"})).json()["tools"])

    await eventually(tools_known, within_s=30)
    request_id = await product.submit(MESSAGE.format(title=title))
    approval = await approval_of(product, request_id)
    assert approval["arguments"]["title"] == title, approval["arguments"]
    await decide(product, request_id, approval)
    return request_id


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "fault",
    [{"done_first": True, "hang": True}, {"delay_s": 1.0, "lost_answer": True}],
    ids=["written-and-silent", "written-and-dropped"],
)
async def test_a_page_written_by_a_killed_worker_is_found_and_not_written_again(
    machine: Machine, product: Product, fault: dict[str, Any]
) -> None:
    title = f"Bugs {product.model}"
    rule = {"match": {"method": "POST", "path": PAGES}, "fault": fault, "times": 1}
    answer = await machine.jira.post("/__sim/faults", json=[rule])
    assert answer.is_success, answer.text
    request_id = await waiting_for_approval(product, title)

    async def written() -> bool:
        return bool(await pages(machine, title))

    await eventually(written, within_s=40)
    machine.supervisor.kill("worker")
    ended = await product.ended(request_id)
    assert ended["phase"] == "done", ended
    assert len(await pages(machine, title)) == 1
    calls = (await product.get(request_id, "/tool-calls"))["calls"]
    assert [(call["state"], call["found"]) for call in calls if call["effect"] != "read"] == [("finished", True)]
