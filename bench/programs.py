"""The programs under measurement, seen from a client: the hand-written one is started in Temporal, ours by its API."""

import time
from dataclasses import dataclass
from http import HTTPStatus
from uuid import uuid4

import httpx
from temporalio.client import Client, WorkflowFailureError

from bench.admin import HEADERS
from bench.contender import MESSAGE, RequestFailedError, Sample
from bench.handwritten import HandWrittenRequest, Model, Request, Shape, Task


@dataclass(frozen=True)
class HandWritten:
    """The hand-written program in one of its shapes."""

    client: Client
    task_queue: str
    shape: Shape
    model: Model

    async def run(self) -> Sample:
        """Run a request to its end."""
        workflow_id = f"hand_{uuid4().hex}"
        request = Request(self.shape, Task(self.model, MESSAGE))
        began = time.perf_counter()
        handle = await self.client.start_workflow(
            HandWrittenRequest.run, request, id=workflow_id, task_queue=self.task_queue
        )
        accepted_s = time.perf_counter() - began
        try:
            await handle.result()
        except WorkflowFailureError as failure:
            raise RequestFailedError(f"{workflow_id}: {failure.cause}") from failure
        return Sample(workflow_id, accepted_s, time.perf_counter() - began)


@dataclass(frozen=True)
class Longhaul:
    """Ours, behind one API. `client` decodes outcomes as JSON: the benchmark knows our API, not our types."""

    client: Client
    http: httpx.AsyncClient
    api: str

    async def run(self) -> Sample:
        """Run a request to its end."""
        began = time.perf_counter()
        answer = await self.http.post(f"{self.api}/v1/requests", json={"message": MESSAGE}, headers=HEADERS)
        accepted_s = time.perf_counter() - began
        if answer.status_code != HTTPStatus.ACCEPTED:
            raise RequestFailedError(f"POST /v1/requests: {answer.status_code} {answer.text[:500]}")
        workflow_id = str(answer.json()["id"])
        outcome = await self.client.get_workflow_handle(workflow_id).result()
        if outcome["phase"] != "done" or outcome["partial"]:
            raise RequestFailedError(f"{workflow_id}: {outcome}")
        return Sample(workflow_id, accepted_s, time.perf_counter() - began)
