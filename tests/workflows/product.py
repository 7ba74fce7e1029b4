"""What a test can do with the running product: submit, wait, send messages, script the model, read its log."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
from temporalio.client import Client, WorkflowHandle

from composition.services import Services
from contracts.names import REQUEST_WORKFLOW, TASK_QUEUE, RequestInput
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain.request import Outcome
from services.llm.admin import PoolAdmin
from tests.llm.pooled import add_model

Json = dict[str, Any]
WITHIN_S = 40.0
"""Patience with a loaded machine: a lost sticky task alone costs 10 s."""


async def eventually(found: Callable[[], Awaitable[Any]], within_s: float = WITHIN_S) -> Any:
    """Ask until the answer is true, and return it."""
    async with asyncio.timeout(within_s):
        while not (answer := await found()):
            await asyncio.sleep(0.05)
        return answer


@dataclass(frozen=True)
class Product:
    """A client of each side of the product. `model` is the name that every request of this test asks for."""

    api: httpx.AsyncClient
    provider: httpx.AsyncClient
    temporal: Client
    model: str
    task_queue: str = TASK_QUEUE
    services: Services | None = None
    pool: PoolAdmin | None = None

    def with_model(self, model: str) -> "Product":
        """Return the same product for another model's name."""
        return replace(self, model=model)

    async def with_own_model(self, model: str) -> "Product":
        """Return the same product for a new model of the simulated provider, with an account of its own."""
        if self.services is not None:
            base_url = str(self.provider.base_url).rstrip("/") + "/v1"
            await add_model(self.services.db, model, base_url, price=None, silence_s=300)
            await self.services.models.catalogue.refresh()
        if self.pool is not None:
            await self.pool.refresh()
        return self.with_model(model)

    async def submit(self, message: str, *, conversation_id: str | None = None, **options: Any) -> str:
        """Start a request; return its id."""
        body: Json = {"message": message, "options": {"model": self.model, **options}}
        if conversation_id is not None:
            body["conversation_id"] = conversation_id
        answer = await self.api.post("/v1/requests", json=body)
        assert answer.status_code == 202, answer.text
        request_id: str = answer.json()["id"]
        return request_id

    async def start(self, request: RequestInput) -> WorkflowHandle[Any, Outcome]:
        """Start a request's workflow without the API."""
        return await self.temporal.start_workflow(
            REQUEST_WORKFLOW,
            request,
            id=request.facts.request_id,
            task_queue=self.task_queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            result_type=Outcome,
        )

    async def ended(self, request_id: str) -> Json:
        """Wait for the end; return the request as the API shows it."""

        async def look() -> Json | None:
            seen = await self.get(request_id, wait=10)
            return seen if seen["phase"] in ("done", "failed", "cancelled") else None

        result: Json = await eventually(look)
        return result

    async def ask(self, message: str, **options: Any) -> Json:
        """Submit and wait for the end."""
        return await self.ended(await self.submit(message, **options))

    async def get(self, request_id: str, path: str = "", **params: Any) -> Json:
        """Read a request, or something below it."""
        answer = await self.api.get(f"/v1/requests/{request_id}{path}", params=params)
        assert answer.status_code == 200, answer.text
        seen: Json = answer.json()
        return seen

    async def send(self, request_id: str, verb: str, **body: Any) -> httpx.Response:
        """Send a message over the API."""
        return await self.api.post(f"/v1/requests/{request_id}/{verb}", json=body)

    def handle(self, request_id: str) -> WorkflowHandle[Any, Outcome]:
        """Return the workflow's handle."""
        return self.temporal.get_workflow_handle(request_id, result_type=Outcome)

    async def query(self, request_id: str, name: str) -> Json:
        """Ask the workflow itself."""
        answer: Json = await self.handle(request_id).query(name, result_type=dict[str, Any])
        return answer

    async def until(self, request_id: str, phase: str) -> Json:
        """Wait until the workflow is in a phase; return its status."""

        async def look() -> Json | None:
            status = await self.query(request_id, "status")
            return status if status["phase"] == phase else None

        result: Json = await eventually(look)
        return result

    async def until_active(self, request_id: str, count: int) -> None:
        """Wait until so many steps are active."""

        async def look() -> bool:
            return bool((await self.query(request_id, "progress"))["active"] >= count)

        await eventually(look)

    async def fault(self, fault: Json, *, times: int | None = None, **match: Any) -> None:
        """Script what goes wrong with this test's calls; `match` narrows it further (task, step_id, contains)."""
        rule: Json = {"match": {"model": self.model, **match}, "fault": fault, "times": times}
        answer = await self.provider.post("/__sim/faults", json=[rule])
        assert answer.is_success, answer.text

    async def calls(self, **filters: str) -> list[Json]:
        """Return this test's model calls as the provider saw them, oldest first."""
        answer = await self.provider.get("/__sim/calls", params={"model": self.model, **filters})
        assert answer.is_success, answer.text
        seen: list[Json] = answer.json()["calls"]
        return seen

    async def tasks(self) -> list[str]:
        """Return what this test's model calls were for, oldest first."""
        return [call["task"] for call in await self.calls()]

    async def steps(self, request_id: str) -> dict[str, Json]:
        """Return the plan's steps by id, as the API shows them."""
        plan = await self.get(request_id, "/plan")
        return {step["id"]: step for step in plan["steps"]}

    async def events(self, request_id: str) -> list[Json]:
        """Return the whole log of a request that has ended."""
        answer = await self.api.get(f"/v1/requests/{request_id}/events")
        assert answer.status_code == 200, answer.text
        return parse_sse(answer.text)


def parse_sse(text: str) -> list[Json]:
    """Read server-sent events: id, event, data (as text)."""
    events: list[Json] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in fields:
            events.append(fields)
    return events
