"""A gateway call that rested before it is made has the rights that its caller has by then."""

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from activities.gateway import ModelGateway
from activities.granting import Granting
from contracts.gateway import CallLaunch, CallMade
from domain import ids
from domain.gateway import CallError, CallOptions
from services.identity import api_keys, users
from services.identity.key_rows import KeyView
from services.identity.request_rights import RequestRights
from services.llm.gateway import Gateway
from services.storage import gateway_calls
from services.storage.gateway_calls import NewCall
from tests.activities.stage import Stage, environment
from tests.identity.people import People
from tests.keys import VAULT

BODY = '{"messages": [{"role": "user", "content": "Hello!"}]}'


@dataclass(frozen=True)
class Caller:
    """A user whose key asked for a call."""

    stage: Stage
    people: People
    user_id: str
    key: KeyView

    async def asks(self, *, ago_s: float = 0, **options: Any) -> CallLaunch:
        """Accept a call of the key's."""
        db, now = self.stage.parts.db, time.time()
        call_id = ids.gateway_call_id(int(now * 1000), secrets.randbits(80))
        asked = CallOptions(model=self.stage.sim.model, **options)
        accepted = await gateway_calls.accept(db, NewCall(call_id, self.user_id, BODY, asked))
        await db.fetch("UPDATE request SET key_id = $2 WHERE id = $1", call_id, self.key.id)
        at = datetime.fromtimestamp(now, UTC) - timedelta(seconds=ago_s)
        return CallLaunch(call_id=call_id, owner=self.user_id, body=accepted.body, options=asked, accepted_at=at)

    async def made(self, launch: CallLaunch) -> CallMade:
        """Have a process make a call that knows nobody's rights yet."""
        parts = self.stage.parts
        gateway = Gateway(parts.db, parts.caller, parts.pool, parts.live)
        work = ModelGateway(gateway, "here", Granting(RequestRights(parts.db)))
        return await environment().run(work.make_call, launch)

    async def error(self, launch: CallLaunch) -> CallError | None:
        """Return why a call has ended without an answer."""
        view = await gateway_calls.read(self.stage.parts.db, self.user_id, launch.call_id)
        return None if view.outcome is None else view.outcome.error


@pytest_asyncio.fixture
async def caller(stage: Stage) -> AsyncIterator[Caller]:
    people = People(stage.parts.db, VAULT)
    user = await people.user(["admin"])
    key, _ = await people.key(user.id, grants={"model": [stage.sim.model]})
    yield Caller(stage, people, user.id, key)
    await people.close()


async def test_a_job_is_made_with_what_its_key_may_use(caller: Caller) -> None:
    assert (await caller.made(await caller.asks(background=True))).state == "done"


@pytest.mark.parametrize("rested", [{"background": True}, {"ago_s": 6}])
async def test_a_call_that_rested_is_not_made_for_a_key_that_was_revoked(
    caller: Caller, rested: dict[str, Any]
) -> None:
    launch = await caller.asks(**rested)
    async with caller.people.edit() as edit:
        await api_keys.switch(edit, caller.key.id, disabled=True, expected=None)
    made, told = await caller.made(launch), await caller.error(launch)
    assert (made.state, made.error_code, told and told.status) == ("failed", "forbidden", 403)
    assert await caller.stage.sim.calls() == []


async def test_a_job_is_not_made_for_a_user_who_was_disabled(caller: Caller) -> None:
    launch = await caller.asks(background=True)
    async with caller.people.edit() as edit:
        await users.switch(edit, caller.user_id, disabled=True, expected=None)
    assert (await caller.made(launch)).error_code == "forbidden"


async def test_a_job_is_not_made_by_a_model_that_is_granted_no_more(caller: Caller) -> None:
    launch = await caller.asks(background=True)
    narrowed = '{"model": ["another"]}'
    await caller.stage.parts.db.fetch("UPDATE api_key SET grants = $2::jsonb WHERE id = $1", caller.key.id, narrowed)
    made, told = await caller.made(launch), await caller.error(launch)
    assert (made.state, told and (told.status, told.code)) == ("failed", (403, "model_not_allowed"))
    assert await caller.stage.sim.calls() == []
