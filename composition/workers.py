"""Services become activities, activities and workflows become the Temporal Workers of a process."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Self

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.alerts import ToldAlerts
from activities.answering import ModelAnswering
from activities.evaluating import ModelEvaluating
from activities.execution import ModelExecution
from activities.gateway import ModelGateway
from activities.granting import Granting
from activities.models import Models
from activities.money import StoredMoney
from activities.planning import ModelPlanning
from activities.pool_checks import AdapterPoolChecks
from activities.purging import StoredPurging
from activities.recording import StoredRecording
from activities.tool_servers import McpToolServers
from activities.tooling import McpTooling
from activities.webhooks import SignedWebhooks
from composition.services import Services
from contracts.gateway import Flights
from contracts.jobs import job_queue
from contracts.policies import HEARTBEAT_THROTTLE, STICKY_TIMEOUT
from contracts.webhooks import webhook_queue
from runtime.settings import Settings
from services.identity.request_rights import RequestRights
from workflows.registry import WORKFLOWS

GRACE = timedelta(seconds=4)
"""How long activities may go on when the worker stops; then they are cancelled and another worker takes over."""
FLIGHTS = 10_000
"""Gateway calls that one process may have under way."""
WEBHOOKS = 20
"""Webhooks that one process sends at a time."""
PASSED_THROUGH = ("domain", "contracts", "pydantic", "pydantic_core", "annotated_types", "typing_inspection")
"""Pure or import-heavy modules that the workflow sandbox takes from the process instead of importing them again."""


class Workers:
    """The workers of a process: `async with` or `run()` them. What they have under way when they stop goes elsewhere.

    One serves the settings' task queue. One follows the calls that fly in this process, and nobody else's. Jobs
    and webhooks have queues of their own, so that they wait for their turn there and hold up nothing else.
    """

    def __init__(self, workers: Sequence[Worker], gateway: ModelGateway) -> None:
        self._workers = workers
        self._gateway = gateway
        self._exits = AsyncExitStack()

    @property
    def flights(self) -> Flights:
        """Where an API in this process begins calls."""
        return self._gateway

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await asyncio.gather(*(each.run() for each in self._workers))
        finally:
            await self._gateway.close(GRACE.total_seconds())

    async def __aenter__(self) -> Self:
        """Begin to work."""
        self._exits.push_async_callback(self._gateway.close, GRACE.total_seconds())
        for each in self._workers:
            await self._exits.enter_async_context(each)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self._exits.aclose()


def build_worker(client: Client, settings: Settings, services: Services) -> Workers:
    """Return the workers of a process for the settings' task queue."""
    services.on_tool_change.client = client
    granting = Granting(RequestRights(services.db))
    gateway = ModelGateway(services.models.gateway, f"{settings.task_queue}/{uuid.uuid4().hex}", granting)
    webhooks = SignedWebhooks(services.db, services.webhooks, settings.own_url)
    alerts = ToldAlerts(services.db, services.webhooks)
    queue, jobs = settings.task_queue, settings.max_concurrent_jobs
    workers = (
        _worker(client, settings, activities(services, gateway, granting)),
        _helper(client, gateway.queue, FLIGHTS, gateway.follow_call),
        _helper(client, job_queue(queue), jobs, gateway.make_call),
        _helper(client, webhook_queue(queue), WEBHOOKS, webhooks.deliver_webhook, alerts.tell_alert),
    )
    return Workers(workers, gateway)


def _helper(client: Client, task_queue: str, at_once: int, *activities: Callable[..., Any]) -> Worker:
    """Return a worker that runs a few kinds of activities, from a task queue of their own."""
    return Worker(
        client,
        task_queue=task_queue,
        activities=activities,
        max_concurrent_activities=at_once,
        max_concurrent_activity_task_polls=min(at_once, 2),
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=GRACE,
    )


def _worker(client: Client, settings: Settings, work: Sequence[Callable[..., Any]]) -> Worker:
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=work,
        workflow_runner=sandbox() if settings.workflow_sandbox else UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        max_concurrent_activities=settings.max_concurrent_activities,
        max_concurrent_local_activities=settings.max_concurrent_local_activities,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=GRACE,
    )


def sandbox() -> SandboxedWorkflowRunner:
    """Return the sandbox that workflows run in when a setting asks for it, and in the tests and replays always."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def activities(services: Services, gateway: ModelGateway, granting: Granting) -> list[Callable[..., Any]]:
    """Return the implementation of every activity port's method."""
    models = Models(services.models.caller, services.default_model, granting)
    planning = ModelPlanning(services.db, models, granting)
    recording = StoredRecording(services.db)
    tools = services.tools
    tooling = McpTooling(services.db, tools.caller, granting)
    tool_servers = McpToolServers(services.db, tools.vault, tools.connections, tools.auth)
    money = StoredMoney(services.db)
    checks = AdapterPoolChecks(services.db, services.models.catalogue, services.models.adapters)
    return [
        planning.prepare,
        planning.make_plan,
        ModelExecution(models).execute_step,
        ModelEvaluating(models).evaluate_step,
        ModelAnswering(services.db, models).synthesize,
        recording.record,
        recording.check_condition,
        tooling.bind_tools,
        tooling.prepare_call,
        tooling.call_tool,
        tool_servers.servers_to_refresh,
        tool_servers.refresh_server,
        tool_servers.sign_in,
        tool_servers.open_gates,
        gateway.make_call,
        checks.check_accounts,
        StoredPurging(services.db).sweep,
        money.check_ledger,
        money.reconcile_ledger,
        money.raise_hold,
        ToldAlerts(services.db, services.webhooks).open_alerts,
    ]
