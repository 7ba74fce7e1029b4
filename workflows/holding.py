"""Holding the money of a raised budget, before the budget is raised: whoever raises it, by whatever door."""

from temporalio import workflow

from contracts.money import Money, RaisedHold, RaiseHold
from contracts.policies import DATABASE_WORK
from domain.errors import Problem
from workflows.shell import Shell


async def raise_hold(shell: Shell, to_micros: int) -> tuple[Problem, ...]:
    """Hold so much in all for the request; return why that is not possible, nothing if it is held."""
    work = RaiseHold(request_id=shell.facts.request_id, to_micros=to_micros)
    raised: RaisedHold = await workflow.execute_local_activity_method(
        Money.raise_hold, work, summary="raise hold", **DATABASE_WORK
    )
    return raised.problems
