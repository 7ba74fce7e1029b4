"""Looking up the tools of a plan's steps: what gives them their pins, and what finds their parameters wanting."""

from temporalio import workflow

from contracts.policies import DATABASE_WORK
from contracts.ports import Tooling
from contracts.tools import BindInput, Bound
from domain.step import Step
from workflows.shell import Shell


async def bind_tools(shell: Shell, steps: tuple[Step, ...]) -> Bound:
    """Return the steps with their pins, or the problems; steps that have a pin keep it."""
    bound: Bound = await workflow.execute_local_activity_method(
        Tooling.bind_tools, BindInput(facts=shell.facts, steps=steps), summary="bind tools", **DATABASE_WORK
    )
    return bound
