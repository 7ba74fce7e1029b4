"""Starting the workflow of an accepted request. Safe to repeat: one request has one workflow, whatever happens."""

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.parts import Parts
from api.temporal_calls import RPC_TIMEOUT, answering
from contracts import names
from contracts.calls import RequestFacts, Seed
from contracts.fairness import fair_priority
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain.caller import LOCAL_TENANT
from domain.request import Caps

KIND = "request"


async def start_workflow(
    parts: Parts, facts: RequestFacts, seed: Seed | None = None, caps: Caps | None = None, tenant: str = LOCAL_TENANT
) -> None:
    """Start the request's workflow, or find it running or ended already. `tenant`: with whom it shares the queue.

    Raises:
        Unavailable: Temporal did not answer; whether the workflow was started is not known.
    """
    deployment = parts.current
    work = names.RequestInput(
        facts=facts,
        accepted=True,
        caps=caps or parts.values.caps,
        placement=deployment.placement,
        search_attributes=deployment.search_attributes,
        seed=seed,
    )
    try:
        async with answering():
            await parts.temporal.start_workflow(
                names.REQUEST_WORKFLOW,
                work,
                id=facts.request_id,
                task_queue=deployment.task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                request_eager_start=deployment.eager_start,
                search_attributes=names.search_attributes(facts, KIND) if deployment.search_attributes else None,
                priority=fair_priority(facts.options.priority, tenant),
                static_summary="fork" if seed else KIND,
                rpc_timeout=RPC_TIMEOUT,
            )
    except WorkflowAlreadyStartedError:
        return
