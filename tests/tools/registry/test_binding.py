"""Binding steps: a pin for what may be used, a problem with its place for all else."""

from typing import Any

import pytest

from domain.content import Text
from domain.step import Step, StepKind
from domain.tool_server import ServerOptions
from domain.tools import ActionType, Capability, CapabilityKind, fingerprint
from services.tools.registry import servers
from services.tools.registry.binding import bind
from services.tools.registry.open_arguments import problems_of
from tests.tools.registry.scripted import Scripted, tool

TEXT = {"type": "string"}


def step(
    server: str, name: str, parameters: dict[str, Any] | None = None, action_type: ActionType = ActionType.TOOL
) -> Step:
    return Step(
        id="s1",
        kind=StepKind.TOOL,
        prompt=Text.inline("call it"),
        mcp_target_server_id=server,
        mcp_action_type=action_type,
        mcp_action_name=name,
        mcp_parameters=parameters,
    )


async def problem(scripted: Scripted, *steps: Step, allowed: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
    bound, problems = await bind(scripted.db, "anybody", steps, allowed)
    assert all(each.pin is None for each in bound) or not problems
    return [(each.code, each.path) for each in problems]


async def test_a_step_gets_the_pin_of_the_approved_contract(scripted: Scripted) -> None:
    search = tool("search", jql=TEXT)
    await scripted.reads(search)
    other = Step(id="s0", prompt=Text.inline("write"))
    bound, problems = await bind(
        scripted.db, "anybody", (other, step(scripted.server.id, "search", {"jql": "x"})), None
    )
    assert problems == ()
    assert bound[0] == other
    assert bound[1].pin is not None
    assert bound[1].pin.hash == fingerprint(search)


async def test_a_pin_that_is_there_stays(scripted: Scripted) -> None:
    await scripted.reads(tool("a"))
    bound, _ = await bind(scripted.db, "anybody", (step(scripted.server.id, "a"),), None)
    await scripted.reads(tool("a", "other"))
    assert await bind(scripted.db, "anybody", bound, None) == (bound, ())


async def test_what_cannot_be_bound_is_told(scripted: Scripted) -> None:
    await scripted.reads(tool("a"))
    await scripted.reads(tool("a"), tool("late"))
    server = scripted.server.id
    assert await problem(scripted, step("nowhere", "a")) == [("unknown_server", "/steps/0/mcp_target_server_id")]
    assert await problem(scripted, step(server, "b")) == [("tool_missing", "/steps/0/mcp_action_name")]
    assert await problem(scripted, step(server, "late")) == [("tool_not_approved", "/steps/0/mcp_action_name")]
    not_allowed = [("server_not_allowed", "/steps/0/mcp_target_server_id")]
    assert await problem(scripted, step(server, "a"), allowed=("other",)) == not_allowed
    assert await problem(scripted, step(server, "a"), allowed=(server,)) == []
    await servers.switch(scripted.db, server, disabled=True)
    assert await problem(scripted, step(server, "a")) == [("server_disabled", "/steps/0/mcp_target_server_id")]


async def test_a_server_of_others_is_unknown(scripted: Scripted) -> None:
    await scripted.options(ServerOptions(owners=("ada",)))
    await scripted.reads(tool("a"))
    assert await problem(scripted, step(scripted.server.id, "a")) == [
        ("unknown_server", "/steps/0/mcp_target_server_id")
    ]


async def test_a_drifted_tool_is_not_bound_anew(scripted: Scripted) -> None:
    await scripted.reads(tool("a"))
    await scripted.reads(tool("a", "other"))
    assert (await problem(scripted, step(scripted.server.id, "a")))[0][0] == "tool_not_approved"


async def test_the_nearest_names_are_told(scripted: Scripted) -> None:
    await scripted.reads(*(tool(name) for name in ("jira_search", "jira_get_issue", "confluence_search", "x")))
    _, problems = await bind(scripted.db, "anybody", (step(scripted.server.id, "jira_serch"),), None)
    assert "the nearest: 'jira_search'" in problems[0].message


async def test_problems_are_bounded(scripted: Scripted) -> None:
    await scripted.reads(tool("a"))
    steps = tuple(step(scripted.server.id, f"no{number}") for number in range(200))
    assert len(await problem(scripted, *steps)) == 20


async def test_parameters_are_checked_where_they_stand(scripted: Scripted) -> None:
    await scripted.reads(tool("search", jql=TEXT, limit={"type": "integer"}))
    found = await problem(
        scripted,
        Step(id="s0", prompt=Text.inline("write")),
        step(scripted.server.id, "search", {"jql": 3, "limit": 1}),
    )
    assert found == [("schema", "/steps/1/mcp_parameters/jql")]


async def test_missing_parameters_count_as_none(scripted: Scripted) -> None:
    await scripted.reads(tool("search", jql=TEXT))
    assert await problem(scripted, step(scripted.server.id, "search")) == [("schema", "/steps/0/mcp_parameters")]


@pytest.mark.parametrize(("name", "expected"), [("note://{id}", 1), ("note://7", 0)])
async def test_a_template_wants_its_values_and_an_address_none(scripted: Scripted, name: str, expected: int) -> None:
    schema = {"type": "object", "required": ["id"], "properties": {"id": TEXT}}
    await scripted.reads(Capability(kind=CapabilityKind.RESOURCE_TEMPLATE, name="note://{id}", input_schema=schema))
    found = await problem(scripted, step(scripted.server.id, name, action_type=ActionType.RESOURCE))
    assert len(found) == expected


REF = "{{steps.s0.result.key}}"
OBJECT = {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "value", "paths"),
    [
        ({"properties": {"a": {"type": "integer"}}}, {"a": REF}, []),
        ({"properties": {"a": {"pattern": "^x$"}}}, {"a": f"issue {REF}"}, []),
        ({"properties": {"a": {"pattern": "^x$"}}}, {"a": "{{monospace}}"}, ["/a"]),
        ({"required": ["b"]}, {"a": REF}, [""]),
        ({"properties": {"a": OBJECT}, "additionalProperties": False}, {"a": {}, "x": REF}, [""]),
        ({"properties": {"a": {"enum": [{"b": 1}]}}}, {"a": {"b": REF}}, []),
        ({"properties": {"a": {"anyOf": [{"required": ["c"]}, {"type": "null"}]}}}, {"a": {"b": REF}}, []),
        ({"properties": {"a": {"type": "array"}}}, {"a": {"b": REF}}, ["/a"]),
        ({"properties": {"a": {"items": {"type": "integer"}}}}, {"a": [REF, "x", 1]}, ["/a/1"]),
        ({"if": {"properties": {"a": {"const": 1}}}, "else": {"required": ["b"]}}, {"a": REF}, []),
        ({"allOf": [{"required": ["b"]}]}, {"a": REF}, [""]),
        ({"properties": {"x": {"const": 1}}}, {"a": REF, "x": 2}, ["/x"]),
        ({"properties": {"a/b": {"type": "integer"}}}, {"a/b": REF}, []),
        ({"type": "no such type"}, {"a": REF}, []),
        ({"$ref": "https://example.org/schema"}, {"a": REF}, []),
    ],
)
def test_references_are_judged_later(schema: dict[str, Any], value: dict[str, Any], paths: list[str]) -> None:
    assert [each.path for each in problems_of(schema, value)] == paths
