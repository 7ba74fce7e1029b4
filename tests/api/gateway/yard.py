"""The whole product with few slots for jobs: what is queued is seen, and the order in which it is made."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import SecretStr
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from api.parts import Parts
from api.serving import deployment_of
from composition.services import open_services
from composition.start import import_configuration
from composition.workers import build_worker
from contracts.jobs import job_queue
from domain.model_pool import Account, Deployment, Dialect, Limit, Provider, Route, RouteTarget
from runtime.settings import Settings
from services.llm.admin import PoolAdmin
from services.llm.config import accounts, deployments, providers, routes
from services.llm.config.edit import Source, editing
from services.storage.event_reader import EventReader
from tests.api.served import serving
from tests.llm.pooled import VAULT
from tests.net.receiver import SECRET
from tests.workflows.product import WITHIN_S, Product, eventually

Json = dict[str, Any]
SLOTS = 4
AT_ONCE = 8
_OPEN = "SELECT count(*) FROM request WHERE id = ANY($1::text[]) AND outcome IS NULL"
_ORDER = "SELECT request_id FROM model_call WHERE request_id = ANY($1::text[]) ORDER BY started_at"


class Yard(Product):
    """A product that makes `SLOTS` jobs at a time, and whose webhooks reach this machine."""

    async def with_route(self, limits: tuple[Limit, ...] = (), **route: Any) -> "Yard":
        """Return the same product for a new model, with limits of its account and fields of its route."""
        model, services, pool = f"yard-{secrets.token_hex(6)}", self.services, self.pool
        assert services is not None
        assert pool is not None
        base_url = f"{str(self.provider.base_url).rstrip('/')}/v1"
        provider = Provider(
            id=model, dialect=Dialect.OPENAI, base_url=base_url, simulated=True, silence_s=300, allow_private=True
        )
        async with services.db.transaction() as tx, editing(tx, "test", Source.ADMIN) as edit:
            await providers.create(edit, provider)
            await accounts.create(edit, VAULT, Account(id=model, provider_id=model, limits=limits), None)
            await deployments.create(edit, Deployment(id=model, account_id=model, model=model))
            await routes.create(edit, Route(name=model, targets=(RouteTarget(deployment_id=model),), **route))
        await services.models.catalogue.refresh()
        await pool.refresh()
        return Yard(self.api, self.provider, self.temporal, model, self.task_queue, services, pool)

    async def job(self, text: str = "hi", **options: Any) -> str:
        """Submit a job, again with the same key as long as the answer is a 503; return its id."""
        asked: Json = {"model": self.model, "messages": [{"role": "user", "content": text}]}
        asked["longhaul"] = {"async": True, **options}
        key = {"idempotency-key": secrets.token_hex(8)}

        async def submit() -> Json | None:
            answer = await self.api.post("/v1/chat/completions", json=asked, headers=key)
            assert answer.status_code in (202, 503), answer.text
            accepted: Json = answer.json()
            return accepted if answer.status_code == 202 else None

        call_id: str = (await eventually(submit))["id"]
        return call_id

    async def jobs(self, priorities: Sequence[int]) -> list[str]:
        """Submit jobs of these priorities; return their ids."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(priority: int) -> str:
            async with turns:
                return await self.job(priority=priority)

        return await asyncio.gather(*(one(priority) for priority in priorities))

    async def read(self, call_id: str) -> Json:
        """Return a call as the API shows it."""
        answer = await self.api.get(f"/v1/calls/{call_id}")
        assert answer.status_code == 200, answer.text
        seen: Json = answer.json()
        return seen

    async def read_when(self, call_id: str, status: str) -> Json:
        """Wait until a call has a status; return it."""

        async def look() -> Json | None:
            seen = await self.read(call_id)
            return seen if seen["status"] == status else None

        result: Json = await eventually(look)
        return result

    async def told(self, call_id: str) -> Json:
        """Wait until no other try to tell a job's end comes; return what the API shows of it."""

        async def look() -> Json | None:
            seen: Json = (await self.read(call_id))["webhook"]
            return seen if seen["state"] not in ("waiting", "retrying") else None

        result: Json = await eventually(look)
        return result

    async def cancel(self, call_id: str) -> None:
        """Cancel a call."""
        answer = await self.api.post(f"/v1/calls/{call_id}/cancel")
        assert answer.json()["cancelled"], answer.text

    @asynccontextmanager
    async def blocked(self) -> AsyncIterator[None]:
        """Have every slot taken by a job that gets no answer: what is submitted meanwhile is queued."""
        await self.fault({"hang": True}, times=SLOTS)
        blockers = await self.jobs([1] * SLOTS)

        async def all_hang() -> bool:
            return len(await self.calls()) == SLOTS

        await eventually(all_hang)
        yield
        for blocker in blockers:
            await self.cancel(blocker)
        await self.until_ended(blockers, WITHIN_S)

    async def until_queued(self, count: int, within_s: float) -> None:
        """Wait until so many jobs rest in their queue."""
        queue = TaskQueue(name=job_queue(self.task_queue))
        request = DescribeTaskQueueRequest(
            namespace=self.temporal.namespace,
            task_queue=queue,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_stats=True,
        )

        async def look() -> bool:
            described = await self.temporal.workflow_service.describe_task_queue(request)
            return described.stats.approximate_backlog_count >= count

        await eventually(look, within_s)

    async def until_ended(self, call_ids: Sequence[str], within_s: float) -> None:
        """Wait until all have ended."""
        assert self.services is not None
        db = self.services.db

        async def look() -> bool:
            (row,) = await db.fetch(_OPEN, list(call_ids))
            return bool(row["count"] == 0)

        await eventually(look, within_s)

    async def made(self, call_ids: Sequence[str]) -> list[str]:
        """Return calls in the order in which providers were asked, each as often as one was."""
        assert self.services is not None
        return [row["request_id"] for row in await self.services.db.fetch(_ORDER, list(call_ids))]


@asynccontextmanager
async def working_yard(served: Settings, temporal: Client, simulator: str) -> AsyncIterator[Yard]:
    """Run API and worker."""
    settings = served.model_copy(
        update={
            "task_queue": f"yard-{secrets.token_hex(4)}",
            "max_concurrent_jobs": SLOTS,
            "webhook_secret": SecretStr(SECRET),
            "webhook_allow_private": True,
        }
    )
    async with open_services(settings) as services:
        await import_configuration(settings, services)
        pool = PoolAdmin(services.db, services.vault)
        deployment = deployment_of(settings, eager_start=True)
        parts = Parts(services.db, EventReader(services.db), temporal, deployment, pool=pool, live=services.live)
        async with (
            build_worker(temporal, settings, services),
            serving(parts) as api,
            httpx.AsyncClient(base_url=simulator.removesuffix("/v1"), trust_env=False) as provider,
        ):
            yield Yard(api, provider, temporal, "", settings.task_queue, services, pool)
