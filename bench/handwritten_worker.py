"""The hand-written program's worker: `python -m bench.handwritten_worker ADDRESS TASK_QUEUE MODEL_URL`."""

import sys

from temporalio.client import Client
from temporalio.worker import Worker

from bench.handwritten import Activities, HandWrittenRequest, HandWrittenStep
from runtime import clean_exit
from runtime.local.signals import run_until_signalled


def build_worker(client: Client, task_queue: str, activities: Activities) -> Worker:
    """Return a worker with the SDK's own settings."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[HandWrittenRequest, HandWrittenStep],
        activities=[activities.plan, activities.execute, activities.evaluate, activities.synthesize],
    )


async def serve(address: str, task_queue: str, model_url: str) -> int:
    """Work until cancelled."""
    activities = Activities(model_url)
    try:
        await build_worker(await Client.connect(address), task_queue, activities).run()
    finally:
        await activities.close()
    return 0


if __name__ == "__main__":
    sys.exit(clean_exit.run(run_until_signalled(serve(*sys.argv[1:4]))))
