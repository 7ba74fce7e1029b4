"""A gateway call that is ended after its process died: what it has used is on record, and nothing stays open."""

import secrets
import time
from datetime import UTC, datetime
from typing import Literal

import pytest

from activities.gateway import ModelGateway
from contracts.gateway import CallLaunch
from domain import ids
from domain.budget import Price
from domain.gateway import CallOptions
from services.llm.gateway import SLOT, Gateway
from services.storage import gateway_calls, journal
from services.storage.gateway_calls import NewCall
from services.storage.journal import CallKey, Sent
from services.storage.views import calls as call_views
from services.storage.views.calls import CallState
from tests.activities.stage import Stage, environment
from tests.llm.parts import OWNER

BODY = '{"messages": [{"role": "user", "content": "Hello!"}]}'
PRICE = Price(input_micros=1_000_000, output_micros=2_000_000)


async def begun(stage: Stage) -> CallLaunch:
    """Accept a call, and open it as a process does that dies then."""
    now, db = time.time(), stage.parts.db
    call_id = ids.gateway_call_id(int(now * 1000), secrets.randbits(80))
    options = CallOptions(model=stage.sim.model)
    accepted = await gateway_calls.accept(db, NewCall(call_id, OWNER, BODY, options))
    sent = Sent(model=stage.sim.model, input_tokens=12, process="dead", price=PRICE)
    assert await journal.open_first(db, CallKey(call_id, SLOT, 1), (), sent)
    at = datetime.fromtimestamp(now, UTC)
    return CallLaunch(call_id=call_id, owner=OWNER, body=accepted.body, options=options, accepted_at=at)


@pytest.mark.parametrize("phase", ["cancelled", "failed"])
async def test_what_a_dead_process_used_is_charged_when_the_call_is_ended(
    stage: Stage, phase: Literal["cancelled", "failed"]
) -> None:
    launch, parts = await begun(stage), stage.parts
    work = ModelGateway(Gateway(parts.db, parts.caller, parts.pool, parts.live), "here")
    ended = await environment().run(work.make_call, launch.model_copy(update={"halt": phase}))
    async with parts.db.transaction() as tx:
        (row,) = await call_views.calls(tx, OWNER, launch.call_id)
    assert (row.state, row.usage.estimated, row.cost_micros) == (CallState.LOST, True, 12)
    view = await gateway_calls.read(parts.db, OWNER, launch.call_id)
    assert (ended.state, ended.cost_micros) == (phase, 12)
    assert view.outcome is not None
    assert (view.outcome.phase, view.outcome.cost_micros) == (phase, 12)
    again = await environment().run(work.make_call, launch.model_copy(update={"halt": phase}))
    assert (again.state, again.cost_micros) == (phase, 12)
