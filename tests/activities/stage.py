"""What activity tests share: implementations on real parts, an environment with usual time-outs, and inputs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.answering import ModelAnswering
from activities.evaluating import ModelEvaluating
from activities.execution import ModelExecution
from activities.models import Models
from activities.planning import ModelPlanning
from activities.recording import StoredRecording
from contracts.calls import ExecuteInput, MakePlanInput, PrepareInput, RequestFacts
from contracts.policies import NON_RETRYABLE
from domain.content import Text
from domain.documents import Understanding
from domain.request import Options
from domain.step import Step
from tests.llm.parts import OWNER, Parts

T = TypeVar("T")
KINDS = ("generate", "human", "request")
TWO_PARTS = "Summarise the report about turtles. Translate the poem about rivers into French."


class Stage:
    """The activities of a process."""

    def __init__(self, parts: Parts) -> None:
        models = Models(parts.caller, lambda: parts.sim.model)
        self.parts = parts
        self.sim = parts.sim
        self.planning = ModelPlanning(parts.db, models)
        self.execution = ModelExecution(models)
        self.evaluating = ModelEvaluating(models)
        self.answering = ModelAnswering(parts.db, models)
        self.recording = StoredRecording(parts.db)

    async def facts(self, message: str = TWO_PARTS, **more: Any) -> RequestFacts:
        """Accept a request and return its facts."""
        options = Options.model_validate({"model": self.sim.model, **more.pop("options", {})})
        request_id = await self.parts.new_request(message, **more)
        text = await self.parts.put(message)
        return RequestFacts(request_id=request_id, owner=OWNER, message=text, options=options, **more)

    async def prepare_input(self, message: str = TWO_PARTS, **changes: Any) -> PrepareInput:
        """Return the input of `prepare`."""
        facts = changes.pop("facts", None) or await self.facts(message)
        return PrepareInput(facts=facts, kinds=KINDS, **changes)

    async def plan_input(self, **changes: Any) -> MakePlanInput:
        """Return the input of `make_plan`."""
        fields: dict[str, Any] = {
            "facts": changes.pop("facts", None) or await self.facts(),
            "understanding": Understanding(intent="two_parts", detailed_description=TWO_PARTS),
            "kinds": KINDS,
            "max_steps": 200,
        }
        return MakePlanInput(**(fields | changes))

    async def execute_input(self, step: Step | None = None, **changes: Any) -> ExecuteInput:
        """Return the input of `execute_step`."""
        facts = changes.pop("facts", None) or await self.facts()
        return ExecuteInput(facts=facts, step=step or a_step(), **changes)


def a_step(**changes: Any) -> Step:
    """Return a generate step."""
    fields: dict[str, Any] = {"id": "s1", "prompt": Text.inline("Summarise the report about turtles.")}
    return Step(**(fields | changes))


async def when_free(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what an activity returns once its account may be asked again, as Temporal would have it tried again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await attempt()
            except ApplicationError as error:
                if error.type != "NoCapacity" or error.next_retry_delay is None:
                    raise
                await asyncio.sleep(error.next_retry_delay.total_seconds())


def environment(**info: Any) -> ActivityEnvironment:
    """Return an environment of a first attempt that has a minute, with retries as in `contracts.policies`."""
    env = ActivityEnvironment()
    usual: dict[str, Any] = {
        "start_to_close_timeout": timedelta(seconds=60),
        "schedule_to_close_timeout": timedelta(seconds=240),
        "scheduled_time": datetime.now(UTC),
        "retry_policy": RetryPolicy(
            initial_interval=timedelta(seconds=0.5), maximum_attempts=12, non_retryable_error_types=NON_RETRYABLE
        ),
    }
    env.info = replace(env.info, **(usual | info))
    return env
