"""Work under way acts with the rights of who asked for it, as they are now."""

import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from activities.execution import ModelExecution
from activities.granting import Granting
from activities.models import Models
from activities.planning import ModelPlanning
from activities.tooling import McpTooling
from contracts.calls import Executed, RequestFacts
from contracts.tools import BindInput, CallToolInput, PrepareCallInput
from domain import ids
from domain.content import Text
from domain.events import Event, EventType
from domain.request import ParentStep
from domain.step import Step, StepKind
from domain.tools import ActionType, ReadyCall
from services.identity import grants, roles, users
from services.identity.grants import NewGrant
from services.identity.request_rights import RequestRights
from services.identity.roles import NewRole
from services.tools.calls import ToolCaller
from services.tools.client.commands import Commands
from services.tools.client.connections import Connections
from tests.activities.stage import Stage, a_step, environment
from tests.activities.test_planning_tools import CREATE, MESSAGE, SEARCH, plan_input
from tests.identity.people import People
from tests.keys import VAULT
from tests.tools.shelf import Shelf


class Work:
    """A process whose work looks at rights, and a user who may use a little."""

    def __init__(self, stage: Stage, people: People, user_id: str) -> None:
        db = stage.parts.db
        self.stage, self.people, self.user_id = stage, people, user_id
        granting = Granting(RequestRights(db))
        models = Models(stage.parts.caller, lambda: stage.sim.model, granting)
        self.planning = ModelPlanning(db, models, granting)
        self.execution = ModelExecution(models)
        self.tooling = McpTooling(db, ToolCaller(db, VAULT, Connections(Commands(frozenset(), []))), granting)
        self.shelf = Shelf(db, user_id)

    async def grant(self, kind: str, pattern: str) -> None:
        """Let the user use something."""
        wanted = {"subject_kind": "user", "subject": self.user_id, "kind": kind, "pattern": pattern}
        async with self.people.edit() as edit:
            await grants.create(edit, "default", NewGrant.model_validate(wanted))

    async def facts(self, **options: Any) -> RequestFacts:
        """Accept a request of the user's."""
        facts = await self.stage.facts(options=options)
        await self.stage.parts.db.fetch("UPDATE request SET owner = $2 WHERE id = $1", facts.request_id, self.user_id)
        return facts.model_copy(update={"owner": self.user_id})

    async def notes(self) -> str:
        """Return a tool server of the user's."""
        server = await self.shelf.server()
        await self.shelf.put(server, SEARCH, CREATE)
        return server


@pytest_asyncio.fixture
async def work(stage: Stage) -> AsyncIterator[Work]:
    people = People(stage.parts.db, VAULT)
    role = f"r-{secrets.token_hex(6)}"
    async with people.edit() as edit:
        await roles.create(edit, "default", NewRole(name=role, permissions=()))
    user = await people.user([role])
    yield Work(stage, people, user.id)
    await people.close()


def _tool_step(server: str, name: str) -> Step:
    parameters = {"query": "owls"} if name == "note_search" else {"title": "a", "text": "b"}
    return Step(
        id="s1",
        kind=StepKind.TOOL,
        prompt=Text.inline(""),
        mcp_target_server_id=server,
        mcp_action_type=ActionType.TOOL,
        mcp_action_name=name,
        mcp_parameters=parameters,
    )


async def _execute(work: Work, facts: RequestFacts, **changes: Any) -> Executed:
    return await environment().run(work.execution.execute_step, await work.stage.execute_input(facts=facts, **changes))


async def test_a_step_asks_only_models_that_are_granted(work: Work) -> None:
    model = work.stage.sim.model
    await work.grant("model", f"{model}*")
    facts = await work.facts()
    assert (await _execute(work, facts)).error is None
    noted = Event(source="wf:1", source_seq=1, type=EventType.STEP_STARTED, data={"v": 1, "step_id": "s1"})
    refused = await _execute(work, facts, step=a_step(model="another"), events=(noted,), round=2)
    assert refused.error_code == "model_not_found"
    assert refused.error is not None
    assert "may not be used" in refused.error
    assert [event.type for event in await work.stage.parts.log(facts.request_id)][-1] is EventType.STEP_STARTED
    assert {call["model"] for call in await work.stage.sim.calls()} == {model}


async def test_a_route_may_be_granted_without_its_version(work: Work) -> None:
    model = work.stage.sim.model
    await work.grant("model", model)
    executed = await _execute(work, await work.facts(), step=a_step(model=f"{model}@2"))
    assert executed.error is None or "may not be used" not in executed.error


async def test_planning_stops_when_its_user_is_disabled(work: Work) -> None:
    await work.grant("model", "*")
    request = await plan_input(work.stage, work.shelf)
    async with work.people.edit() as edit:
        await users.switch(edit, work.user_id, disabled=True, expected=None)
    with pytest.raises(ApplicationError) as caught:
        await environment().run(work.planning.make_plan, request)
    assert (caught.value.type, caught.value.non_retryable) == ("Forbidden", True)


async def test_a_key_narrows_what_it_asked_for(work: Work) -> None:
    await work.grant("model", "*")
    key, _ = await work.people.key(work.user_id, grants={"model": ["nothing"]})
    facts = await work.facts()
    await work.stage.parts.db.fetch("UPDATE request SET key_id = $2 WHERE id = $1", facts.request_id, key.id)
    assert (await _execute(work, facts)).error_code == "model_not_found"


async def test_a_key_narrows_the_requests_that_its_request_starts_from_their_first_call_on(work: Work) -> None:
    await work.grant("model", "*")
    key, _ = await work.people.key(work.user_id, grants={"model": ["nothing"]})
    root = await work.facts()
    await work.stage.parts.db.fetch("UPDATE request SET key_id = $2 WHERE id = $1", root.request_id, key.id)
    parent = ParentStep(request_id=root.request_id, step_id="s1", launch=1)
    own_id = ids.request_id(int(time.time() * 1000), secrets.randbits(80))
    facts = root.model_copy(update={"request_id": own_id, "parent": parent, "depth": 1})
    accepted = {"v": 1, "owner": facts.owner, "message": facts.message.model_dump(), "parent": parent.model_dump()}
    first = Event(source="wf", source_seq=1, type=EventType.REQUEST_ACCEPTED, data=accepted)
    with pytest.raises(ApplicationError) as caught:
        await environment().run(work.planning.prepare, await work.stage.prepare_input(facts=facts, events=(first,)))
    assert caught.value.type == "ModelUnknown"
    assert [event.type for event in await work.stage.parts.log(own_id)] == [EventType.REQUEST_ACCEPTED]
    assert await work.stage.sim.calls() == []


async def test_planners_see_and_bind_only_tools_that_are_granted(work: Work) -> None:
    server = await work.notes()
    await work.grant("model", "*")
    await work.grant("tool", f"{server}/note_search")
    made = await environment().run(work.planning.make_plan, await plan_input(work.stage, work.shelf, MESSAGE))
    names = {step.mcp_action_name for step in made.draft.steps if step.kind is StepKind.TOOL}
    assert names <= {"note_search"}
    facts = await work.facts()
    steps = (_tool_step(server, "note_create"), _tool_step(server, "note_search"))
    bound = await environment().run(work.tooling.bind_tools, BindInput(facts=facts, steps=steps))
    assert [(problem.code, problem.path) for problem in bound.problems] == [
        ("tool_forbidden", "/steps/0/mcp_action_name")
    ]


async def test_a_tool_that_is_granted_no_more_is_neither_prepared_nor_called(work: Work) -> None:
    server = await work.notes()
    await work.grant("tool", f"{server}/note_search")
    facts = await work.facts()
    step = _tool_step(server, "note_search")
    bound = await environment().run(work.tooling.bind_tools, BindInput(facts=facts, steps=(step,)))
    (pinned,) = bound.steps
    ready = await environment().run(work.tooling.prepare_call, PrepareCallInput(facts=facts, step=pinned, launch=1))
    assert ready.call is not None
    later = Work(work.stage, work.people, work.user_id)
    await work.stage.parts.db.fetch("DELETE FROM access_grant WHERE subject = $1", work.user_id)
    refused = await environment().run(later.tooling.prepare_call, PrepareCallInput(facts=facts, step=pinned, launch=1))
    assert [problem.code for problem in refused.problems] == ["tool_forbidden"]
    executed = await environment().run(later.tooling.call_tool, _call(facts, pinned, ready.call))
    assert (executed.error_code, executed.evaluation and executed.evaluation.needs_adjustment) == ("tool_refused", True)


def _call(facts: RequestFacts, step: Step, call: ReadyCall) -> CallToolInput:
    return CallToolInput(facts=facts, step=step, call=call, launch=1)
