"""Steering requests through the SDK's client: approvals, amendments, pauses, cancels, and refusals with their codes."""

from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError

from api.parts import Parts
from runtime.settings import Settings
from services.storage.database import Database
from tests.api.mcp_server.agent import THREE, agent_of, held, in_both_generations
from tests.api.served import client_of, parts_like, serving
from tests.storage.samples import accepted
from tests.workflows.product import Product

NOBODYS = f"req_{'0' * 32}"


@in_both_generations
async def test_plan_is_approved_through_the_tool(product: Product, generation: str) -> None:
    async with agent_of(product, generation) as agent:
        options = {"model": product.model, "approval": "plan"}
        waiting = await agent.call("start_request", message=THREE, options=options, wait_s=20)
        assert waiting["phase"] == "approving"
        decision = {"request_id": waiting["id"], "approval_id": waiting["approvals"][0]["id"], "decision": "approve"}
        assert (await agent.call("approve", **decision))["plan_version"] == 1
        assert (await agent.call("wait_for_request", request_id=waiting["id"], wait_s=20))["phase"] == "done"
        again = await agent.refused("approve", **decision)
    assert (again["status"], again["code"]) == (409, "request_ended")


async def test_amendment_is_answered_with_what_becomes_of_the_steps(product: Product) -> None:
    async with agent_of(product) as agent:
        request_id = await held(product, agent)
        edits: list[dict[str, Any]] = [
            {"op": "add", "step": {"id": "title", "prompt": "Find a title", "depends_on": ["s3"]}},
            {"op": "drop", "step_id": "s1", "dependents": "detach"},
        ]
        amendment = {"request_id": request_id, "expected_version": 1, "edits": edits}
        answer = await agent.call("amend_plan", **amendment, reason="with a title", message_id="m1")
        assert (answer["version"], answer["cancelled"], answer["rerun"]) == (2, ["s1"], [])
        assert await agent.call("amend_plan", **amendment, reason="with a title", message_id="m1") == answer
        assert (await agent.call("wait_for_request", request_id=request_id, wait_s=20))["phase"] == "done"
        assert (await agent.call("get_plan", request_id=request_id))["reason"] == "with a title"


@pytest.mark.parametrize(
    ("version", "edit", "status", "code", "path"),
    [
        (7, {"op": "drop", "step_id": "s3"}, 409, "stale_version", "/expected_version"),
        (1, {"op": "rewire", "step_id": "s1", "depends_on": ["s3"]}, 422, "cycle", None),
        (1, {"op": "explode"}, 422, "union_tag_invalid", "/edits/0"),
    ],
)
async def test_amendment_that_does_not_pass_is_a_typed_problem(
    product: Product, version: int, edit: dict[str, Any], status: int, code: str, path: str | None
) -> None:
    async with agent_of(product) as agent:
        request_id = await held(product, agent)
        refused = await agent.refused("amend_plan", request_id=request_id, expected_version=version, edits=[edit])
        assert refused["status"] == status
        (problem,) = [item for item in refused["problems"] if item["code"] == code]
        assert path in (None, problem["path"])
        assert (await agent.call("get_request", request_id=request_id))["plan_version"] == 1
        await agent.call("cancel_request", request_id=request_id)


async def test_paused_request_holds_a_wait_no_longer_and_is_resumed(product: Product) -> None:
    async with agent_of(product) as agent:
        request_id = await held(product, agent)
        assert (await agent.call("pause", request_id=request_id))["paused"] is True
        assert (await agent.call("wait_for_request", request_id=request_id, wait_s=30))["paused"] is True
        assert (await agent.call("resume", request_id=request_id))["paused"] is False
        assert (await agent.call("cancel_step", request_id=request_id, step_id="s1"))["phase"] == "running"
        assert (await agent.call("wait_for_request", request_id=request_id, wait_s=20))["outcome"]["partial"] is True


async def test_request_is_cancelled_with_its_reason(product: Product) -> None:
    async with agent_of(product) as agent:
        request_id = await held(product, agent)
        await agent.call("cancel_request", request_id=request_id, reason="no longer needed")
        ended = await agent.call("wait_for_request", request_id=request_id, wait_s=20)
        assert (ended["phase"], ended["outcome"]["detail"]) == ("cancelled", "no longer needed")
        late = await agent.refused("pause", request_id=request_id)
    assert (late["status"], late["code"]) == (409, "request_ended")


@pytest.mark.parametrize("request_id", [NOBODYS, "req_1", "", "../etc"])
async def test_request_that_is_not_there_is_not_found(idle: httpx.AsyncClient, request_id: str) -> None:
    async with agent_of(idle) as agent:
        for tool in ("get_request", "wait_for_request", "get_plan", "get_events", "get_costs", "cancel_request"):
            refused = await agent.refused(tool, request_id=request_id)
            assert (refused["status"], refused["code"]) == (404, "not_found"), tool


async def test_request_of_another_owner_is_not_found(idle: httpx.AsyncClient, database: Database) -> None:
    request_id = await accepted(database, owner="somebody-else")
    async with agent_of(idle) as agent:
        for tool in ("get_request", "wait_for_request", "get_events", "get_costs", "pause", "cancel_request"):
            assert (await agent.refused(tool, request_id=request_id))["code"] == "not_found", tool
        listed = await agent.call("list_requests", limit=100)
        with pytest.raises(MCPError, match="no such request"):
            await agent.client.read_resource(f"longhaul://requests/{request_id}")
    assert request_id not in {request["id"] for request in listed["requests"]}


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "path"),
    [
        ("start_request", {}, "missing", "/message"),
        ("start_request", {"message": " "}, "message_empty", "/message"),
        ("start_request", {"message": "hi", "mesage": "typo"}, "extra_forbidden", "/mesage"),
        ("start_request", {"message": "hi", "options": {"approval": "maybe"}}, "literal_error", "/options/approval"),
        ("start_request", {"message": "hi", "idempotency_key": "with space"}, "string_pattern_mismatch", None),
        ("wait_for_request", {"request_id": NOBODYS, "wait_s": 31}, "less_than_equal", "/wait_s"),
        ("get_events", {"request_id": NOBODYS, "types": ["no.such"]}, "enum", "/types/0"),
        ("approve", {"request_id": NOBODYS, "approval_id": "a", "decision": "perhaps"}, "literal_error", "/decision"),
        ("list_requests", {"limit": 0}, "greater_than_equal", "/limit"),
    ],
)
async def test_wrong_arguments_are_told_with_their_place(
    idle: httpx.AsyncClient, tool: str, arguments: dict[str, Any], code: str, path: str | None
) -> None:
    async with agent_of(idle) as agent:
        refused = await agent.refused(tool, **arguments)
    assert refused["status"] == 422
    assert code in {problem["code"] for problem in refused["problems"]}
    assert path is None or path in {problem["path"] for problem in refused["problems"]}


async def test_unknown_tool_is_the_protocols_error(idle: httpx.AsyncClient) -> None:
    async with agent_of(idle) as agent:
        with pytest.raises(MCPError, match="Unknown tool"):
            await agent.client.call_tool("drop_database", {})


async def test_tool_while_temporal_is_down_is_unavailable(idle_parts: Parts, settings: Settings) -> None:
    dead = await client_of(settings, "127.0.0.1:1")
    async with serving(parts_like(idle_parts, temporal=dead)) as broken, agent_of(broken) as agent:
        refused = await agent.refused("start_request", message="hi")
    assert (refused["status"], refused["code"]) == (503, "unavailable")
