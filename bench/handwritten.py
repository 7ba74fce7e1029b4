"""The minimal hand-written Temporal program: plan; five parallel steps, each an execute and an evaluate; synthesize.

Plain SDK: default data converter and options. No admission, budget, events, journal, messages or queries.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, TypeVar

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    import httpx

Output = TypeVar("Output")
Shape = Literal["children", "activities", "local activities"]
Model = Literal["http", "instant"]

STEPS: Final = 5
TIMEOUT: Final = timedelta(seconds=30)
TEXT: Final = "A result of about a kilobyte. " * 34


@dataclass
class Task:
    """One model call."""

    model: Model
    prompt: str


@dataclass
class Request:
    """A request, and how its program works."""

    shape: Shape
    task: Task


class Activities:
    """Each asks the model once, or answers at once."""

    def __init__(self, model_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=model_url, trust_env=False, timeout=30)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    @activity.defn
    async def plan(self, task: Task) -> list[str]:
        """Return the steps' prompts."""
        await self._ask(task)
        return [f"{task.prompt} {number}" for number in range(STEPS)]

    @activity.defn
    async def execute(self, task: Task) -> str:
        """Return a step's result."""
        return await self._ask(task)

    @activity.defn
    async def evaluate(self, task: Task) -> bool:
        """Judge a result."""
        return bool(await self._ask(task))

    @activity.defn
    async def synthesize(self, task: Task) -> str:
        """Merge the results."""
        return await self._ask(task)

    async def _ask(self, task: Task) -> str:
        if task.model == "instant":
            return TEXT
        body = {"model": "simulated-1", "messages": [{"role": "user", "content": task.prompt}]}
        answer = await self._http.post("chat/completions", json=body)
        return str(answer.raise_for_status().json()["choices"][0]["message"]["content"])


async def _run_step(request: Request, prompt: str) -> str:
    text = await _call(request.shape, Activities.execute, Task(request.task.model, prompt))
    good = await _call(request.shape, Activities.evaluate, Task(request.task.model, text))
    return text if good else ""


async def _call(shape: Shape, method: Callable[[Any, Task], Awaitable[Output]], task: Task) -> Output:
    if shape == "local activities":
        return await workflow.execute_local_activity_method(method, task, start_to_close_timeout=TIMEOUT)
    return await workflow.execute_activity_method(method, task, start_to_close_timeout=TIMEOUT)


@workflow.defn
class HandWrittenStep:
    """One step as a child."""

    @workflow.run
    async def run(self, request: Request) -> str:
        """Execute and evaluate."""
        return await _run_step(request, request.task.prompt)


@workflow.defn
class HandWrittenRequest:
    """One request."""

    @workflow.run
    async def run(self, request: Request) -> str:
        """Plan, run the steps side by side, synthesize."""
        prompts = await _call(request.shape, Activities.plan, request.task)
        results = await asyncio.gather(*(self._step(request, prompt) for prompt in prompts))
        return await _call(request.shape, Activities.synthesize, Task(request.task.model, "\n".join(results)))

    async def _step(self, request: Request, prompt: str) -> str:
        if request.shape != "children":
            return await _run_step(request, prompt)
        step = Request(request.shape, Task(request.task.model, prompt))
        return await workflow.execute_child_workflow(HandWrittenStep.run, step)
