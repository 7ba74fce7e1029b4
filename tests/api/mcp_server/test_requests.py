"""Starting, watching and reading requests through the SDK's client."""

import json
import secrets
import time
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, TextResourceContents

from api import waiting
from tests.api.mcp_server.agent import THREE, Agent, agent_of, held, in_both_generations
from tests.workflows.product import Product


@in_both_generations
async def test_request_is_started_waited_for_and_answered(product: Product, generation: str) -> None:
    async with agent_of(product, generation) as agent:
        started = await agent.call("start_request", message=THREE, options={"model": product.model})
        ended = await agent.call("wait_for_request", request_id=started["id"], wait_s=20)
        assert (ended["id"], ended["phase"], ended["outcome"]["phase"]) == (started["id"], "done", "done")
        assert "rain" in ended["answer"]
        assert await agent.call("get_request", request_id=started["id"]) == ended
    assert ended["links"] == (await product.get(started["id"]))["links"]


@in_both_generations
async def test_waiting_tells_what_happens_meanwhile(product: Product, generation: str) -> None:
    told: list[tuple[float, float | None, str]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message or ""))

    arguments: dict[str, Any] = {"message": THREE, "options": {"model": product.model}, "wait_s": 20}
    async with agent_of(product, generation) as agent:
        result = await agent.client.call_tool("start_request", arguments, progress_callback=hear)
    assert not result.is_error
    assert [message for _, _, message in told if message.startswith("step.finished")][-1] == "step.finished s3"
    assert [progress for progress, _, _ in told] == sorted(progress for progress, _, _ in told)
    assert {total for _, total, _ in told} == {20}


async def test_waiting_is_bounded_and_answers_the_request_as_it_stands(product: Product) -> None:
    async with agent_of(product) as agent:
        request_id = await held(product, agent)
        began = time.monotonic()
        waited = await agent.call("wait_for_request", request_id=request_id, wait_s=0.3)
        assert 0.3 <= time.monotonic() - began < 5
        assert (waited["phase"], waited["answer"], waited["outcome"]) == ("running", None, None)
        await agent.call("cancel_request", request_id=request_id)


async def test_waiting_tells_that_it_goes_on_when_nothing_happens(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_SILENCE_S", 0.05)
    told: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert progress < (total or 0)
        told.append(message)

    async with agent_of(product) as agent:
        request_id = await held(product, agent)
        arguments: dict[str, Any] = {"request_id": request_id, "wait_s": 1}
        await agent.client.call_tool("wait_for_request", arguments, progress_callback=hear)
        await agent.call("cancel_request", request_id=request_id)
    assert "at work" in told


async def test_waiting_ends_when_a_person_is_needed(product: Product) -> None:
    unclear = {"preset": "unclear", "times": 1, "match": {"model": product.model}}
    await product.provider.post("/__sim/script", json={"understand": unclear})
    options = {"model": product.model, "approval": "plan"}
    async with agent_of(product) as agent:
        asked = await agent.call("start_request", message="Do the thing.", options=options, wait_s=20)
        (question,) = asked["questions"]
        assert (asked["phase"], question["text"]) == ("asking", "What exactly do you mean?")
        await agent.call("reply", request_id=asked["id"], question_id=question["id"], text=THREE)
        held_back = await agent.call("wait_for_request", request_id=asked["id"], wait_s=20)
        assert held_back["phase"] == "approving"
        assert len(held_back["approvals"]) == 1
        await agent.call("cancel_request", request_id=asked["id"])


async def test_idempotency_key_gives_the_same_request_through_both_doors(product: Product) -> None:
    key, options = f"k-{secrets.token_hex(4)}", {"model": product.model}
    async with agent_of(product) as agent:
        first = await agent.call("start_request", message=THREE, options=options, idempotency_key=key)
        again = await agent.call("start_request", message=THREE, options=options, idempotency_key=key, wait_s=20)
        other = await agent.refused("start_request", message="Another", options=options, idempotency_key=key)
    over_http = await product.api.post(
        "/v1/requests", json={"message": THREE, "options": options}, headers={"Idempotency-Key": key}
    )
    assert {first["id"]} == {again["id"], over_http.json()["id"]}
    assert again["phase"] == "done"
    assert (other["status"], other["code"]) == (422, "idempotency_key_reused")


async def test_options_and_edits_may_come_wrapped_into_a_text(product: Product) -> None:
    async with agent_of(product) as agent:
        options = json.dumps({"model": product.model, "approval": "plan"})
        started = await agent.call("start_request", message=THREE, options=options, wait_s=20)
        edits = json.dumps([{"op": "drop", "step_id": "s3"}])
        amended = await agent.call("amend_plan", request_id=started["id"], expected_version=1, edits=edits)
        assert amended["cancelled"] == ["s3"]
        await agent.call("cancel_request", request_id=started["id"])
        broken = await agent.refused("start_request", message=THREE, options='{"approval": ')
        assert broken["problems"][0]["path"] == "/options"


async def test_lists_are_narrowed_and_paged(product: Product) -> None:
    conversation = f"c-{secrets.token_hex(4)}"
    started: list[str] = []
    async with agent_of(product) as agent:
        for _ in range(3):
            answer = await agent.call(
                "start_request", message="hi", options={"model": product.model}, conversation_id=conversation
            )
            started.insert(0, answer["id"])
        first = await agent.call("list_requests", conversation_id=conversation, limit=2)
        rest = await agent.call("list_requests", conversation_id=conversation, limit=2, cursor=first["cursor"])
    assert [request["id"] for page in (first, rest) for request in page["requests"]] == started
    assert rest["cursor"] is None


async def test_plan_and_costs_are_those_of_the_routes(product: Product) -> None:
    request_id = (await product.ask(THREE))["id"]
    async with agent_of(product) as agent:
        assert await agent.call("get_plan", request_id=request_id) == await product.get(request_id, "/plan")
        assert await agent.call("get_costs", request_id=request_id) == await product.get(request_id, "/costs")
        missing = await agent.refused("get_plan", request_id=request_id, version=9)
    assert missing["code"] == "not_found"


async def pages(agent: Agent, request_id: str, **narrowed: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    after, more = 0, True
    while more:
        page = await agent.call("get_events", request_id=request_id, after=after, **narrowed)
        found.append(page["events"])
        after, more = page["next_after"], page["more"]
    return found


async def test_pages_of_events_are_gapless_and_can_be_narrowed(product: Product) -> None:
    request_id = (await product.ask(THREE))["id"]
    whole = [int(event["id"]) for event in await product.events(request_id)]
    async with agent_of(product) as agent:
        by_seven = await pages(agent, request_id, limit=7)
        ends = await pages(agent, request_id, types=["step.finished", "request.finished"], limit=2)
    assert [event["seq"] for page in by_seven for event in page] == whole
    assert all(len(page) <= 7 for page in by_seven)
    kinds = [event["type"] for page in ends for event in page]
    assert kinds == ["step.finished"] * 3 + ["request.finished"]


@in_both_generations
async def test_requests_and_plans_are_resources(product: Product, generation: str) -> None:
    request_id = (await product.ask(THREE))["id"]
    async with agent_of(product, generation) as agent:
        templates = (await agent.client.list_resource_templates()).resource_templates
        listed = (await agent.client.list_resources()).resources
        assert [template.uri_template for template in templates] == [
            "longhaul://requests/{id}",
            "longhaul://requests/{id}/plan",
        ]
        assert f"longhaul://requests/{request_id}" in {str(resource.uri) for resource in listed}
        for path, route in (("", ""), ("/plan", "/plan")):
            (content,) = (await agent.client.read_resource(f"longhaul://requests/{request_id}{path}")).contents
            assert isinstance(content, TextResourceContents)
            assert json.loads(content.text) == await product.get(request_id, route)


@pytest.mark.parametrize("uri", [f"longhaul://requests/req_{'0' * 32}", "longhaul://requests/req_1", "file:///etc"])
async def test_resource_that_is_not_there_is_the_protocols_error(idle: httpx.AsyncClient, uri: str) -> None:
    async with agent_of(idle) as agent:
        with pytest.raises(MCPError) as caught:
            await agent.client.read_resource(uri)
    assert caught.value.error.code == INVALID_PARAMS
    assert caught.value.error.data["code"] == "not_found"
