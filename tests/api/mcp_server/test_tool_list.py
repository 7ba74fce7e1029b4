"""The list of tools is part of the contract: names, what they may do, and what they take are written down here."""

from typing import Any

import httpx
import jsonschema_rs
from mcp_types import Tool

from tests.api.mcp_server.agent import Agent, agent_of, in_both_generations
from tests.docs.pages import page

READS = (True, False, True, False)
STARTS = (False, False, False, True)
STEERS = (False, False, True, True)
DECIDES = (False, True, True, True)

# name: (read-only, destructive, idempotent, open world), what must be given
EXPECTED: dict[str, tuple[tuple[bool, ...], set[str]]] = {
    "start_request": (STARTS, {"message"}),
    "get_request": (READS, {"request_id"}),
    "wait_for_request": (READS, {"request_id"}),
    "list_requests": (READS, set()),
    "get_plan": (READS, {"request_id"}),
    "get_events": (READS, {"request_id"}),
    "get_costs": (READS, {"request_id"}),
    "amend_plan": (DECIDES, {"request_id", "expected_version", "edits"}),
    "approve": (DECIDES, {"request_id", "approval_id", "decision"}),
    "reply": (STEERS, {"request_id", "question_id", "text"}),
    "pause": (STEERS, {"request_id"}),
    "resume": (STEERS, {"request_id"}),
    "cancel_step": (DECIDES, {"request_id", "step_id"}),
    "cancel_request": (DECIDES, {"request_id"}),
}


async def tools(agent: Agent) -> dict[str, Tool]:
    listed = await agent.client.list_tools()
    assert listed.next_cursor is None
    return {tool.name: tool for tool in listed.tools}


def effect(tool: Tool) -> tuple[bool | None, ...]:
    hints = tool.annotations
    assert hints is not None
    return (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)


@in_both_generations
async def test_tools_are_the_expected_ones_with_their_annotations(idle: httpx.AsyncClient, generation: str) -> None:
    async with agent_of(idle, generation) as agent:
        listed = await tools(agent)
    seen: dict[str, Any] = {
        name: (effect(tool), set(tool.input_schema.get("required", ()))) for name, tool in listed.items()
    }
    assert list(listed) == list(EXPECTED)
    assert seen == EXPECTED


async def test_every_tool_says_what_it_does_takes_and_gives(idle: httpx.AsyncClient) -> None:
    async with agent_of(idle) as agent:
        listed = await tools(agent)
        assert "wait_for_request" in (agent.client.instructions or "")
    for tool in listed.values():
        assert tool.title
        assert len(tool.description or "") > 20
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        for schema in (tool.input_schema, tool.output_schema):
            jsonschema_rs.validator_for(schema)


async def test_every_tool_stands_in_the_documentation(idle: httpx.AsyncClient) -> None:
    text = page("docs/mcp-server.md")
    async with agent_of(idle) as agent:
        missing = [name for name in await tools(agent) if f"`{name}`" not in text]
    assert missing == []
