"""Planning with tools: what the planner is shown, and drafts bound to what the registry approved."""

import pytest
from temporalio.testing import ActivityEnvironment

from contracts.calls import MakePlanInput, RequestFacts
from domain.admission import admit
from domain.documents import Understanding
from domain.request import Caps, Options
from domain.step import Step, StepKind
from domain.tools import Capability
from tests.activities.stage import Stage, environment
from tests.tools.shelf import Shelf, tool

KINDS = ("generate", "tool", "human", "request")
TEXT = {"type": "string"}
MESSAGE = "Find the notes about owls and create a note with a summary"
SEARCH = tool("note_search", "Finds notes.", {"query": TEXT}, reads=True)
CREATE = tool("note_create", "Creates a note.", {"title": TEXT, "text": TEXT})


@pytest.fixture
def shelf(stage: Stage) -> Shelf:
    return Shelf(stage.parts.db)


async def plan_input(stage: Stage, shelf: Shelf, message: str = MESSAGE, **options: object) -> MakePlanInput:
    chosen = Options.model_validate({"model": stage.sim.model, **options})
    text = await stage.parts.put(message)
    request_id = await stage.parts.new_request(message)
    facts = RequestFacts(request_id=request_id, owner=shelf.owner, message=text, options=chosen)
    understanding = Understanding(intent="notes", detailed_description=message)
    return MakePlanInput(facts=facts, understanding=understanding, kinds=KINDS, max_steps=50)


async def planned(stage: Stage, request: MakePlanInput, env: ActivityEnvironment | None = None) -> tuple[Step, ...]:
    made = await (env or environment()).run(stage.planning.make_plan, request)
    assert made.draft.problems == ()
    return made.draft.steps


async def notes(shelf: Shelf, *offered: Capability) -> str:
    server = await shelf.server()
    await shelf.put(server, *offered)
    return server


async def test_tool_steps_are_planned_and_bound(stage: Stage, shelf: Shelf) -> None:
    server = await notes(shelf, SEARCH, CREATE)
    read, words, write = await planned(stage, await plan_input(stage, shelf))
    assert [step.kind for step in (read, words, write)] == [StepKind.TOOL, StepKind.GENERATE, StepKind.TOOL]
    assert (read.mcp_target_server_id, read.mcp_action_name) == (server, "note_search")
    assert write.mcp_parameters == {"title": "Notes about owls", "text": "{{steps.s2.result}}"}
    assert (read.pin is not None, words.pin, write.pin is not None) == (True, None, True)
    assert admit((read, words, write), Caps(), bound=True) == ()


async def test_without_tools_the_kind_is_not_offered(stage: Stage, shelf: Shelf) -> None:
    message = 'Do it [tool=notes/note_create; parameters={"a":1}]. Count owls'
    steps = await planned(stage, await plan_input(stage, shelf, message))
    assert {step.kind for step in steps} == {StepKind.GENERATE}


async def test_a_request_that_chose_other_servers_sees_no_tools_of_these(stage: Stage, shelf: Shelf) -> None:
    await notes(shelf, SEARCH, CREATE)
    steps = await planned(stage, await plan_input(stage, shelf, tool_servers=["other"]))
    assert {step.kind for step in steps} == {StepKind.GENERATE}


@pytest.mark.parametrize(
    ("call", "code", "path"),
    [
        ("{server}/note_creates; parameters={{}}", "tool_missing", "/steps/0/mcp_action_name"),
        ("nowhere/note_create; parameters={{}}", "unknown_server", "/steps/0/mcp_target_server_id"),
        ('{server}/note_search; parameters={{"query":5}}', "schema", "/steps/0/mcp_parameters/query"),
    ],
)
async def test_a_call_that_cannot_be_bound_comes_back_as_a_problem(
    stage: Stage, shelf: Shelf, call: str, code: str, path: str
) -> None:
    server = await notes(shelf, SEARCH)
    request = await plan_input(stage, shelf, f"Find notes [tool={call.format(server=server)}]. Count owls")
    made = await environment().run(stage.planning.make_plan, request)
    assert made.draft.steps == ()
    assert [(problem.code, problem.path) for problem in made.draft.problems] == [(code, path)]
    repaired = await planned(stage, request.model_copy(update={"problems": made.draft.problems, "round": 2}))
    assert repaired[0].mcp_action_name == "note_search"


async def test_a_message_that_needs_a_tool_is_planned_for(stage: Stage, shelf: Shelf) -> None:
    await notes(shelf, SEARCH)
    request = await stage.prepare_input("Find notes about owls")
    facts = request.facts.model_copy(update={"owner": shelf.owner})
    made = await environment().run(stage.planning.prepare, request.model_copy(update={"facts": facts, "kinds": KINDS}))
    assert not made.understanding.simple
    assert made.draft is not None
    assert [step.mcp_parameters for step in made.draft.steps] == [{"query": "owls"}]
