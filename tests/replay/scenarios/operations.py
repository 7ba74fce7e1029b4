"""Workflows that look after the installation."""

import secrets

from contracts.policies import WORKFLOW_TASK_TIMEOUT
from contracts.purging import PURGE, Purge, Purged
from domain.purging import Keep
from tests.replay.scenarios.scenario import Kept, scenario
from tests.workflows.product import Product


@scenario("what is old is removed, one kind after another")
async def purged(product: Product) -> Kept:
    handle = await product.temporal.start_workflow(
        PURGE,
        Purge(keep=Keep(log_days=3650, lease_days=3650, call_days=3650, key_days=3650)),
        id=f"purge/{secrets.token_hex(4)}",
        task_queue=product.task_queue,
        task_timeout=WORKFLOW_TASK_TIMEOUT,
        result_type=Purged,
    )
    await handle.result()
    return {"": handle}
