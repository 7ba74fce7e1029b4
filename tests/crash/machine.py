"""The processes of the machine, and what its log and its journal say after a crash."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from runtime.local import ProcessSpec, Supervisor, programs
from runtime.settings import PROJECT_ROOT, child_environment
from services.storage.database import Database
from services.storage.views import calls as call_views
from services.storage.views.calls import CallState
from tests.workflows.product import Product

RESUME_WITHIN_S = 10.0
"""design: max(heartbeat, workflow task, sticky time-out) + 5 s."""


@dataclass(frozen=True)
class Machine:
    """The supervisor, a client of the product, and the addresses of its parts.

    `jira`: the simulated Atlassian; `variables`: the environment of workers and API.
    """

    supervisor: Supervisor
    product: Product
    database_url: str
    temporal_address: str
    jira: httpx.AsyncClient
    variables: Mapping[str, str]

    async def check_asked_once(self, product: Product, request_id: str) -> None:
        """Check that no answer in the journal was asked for again, by the provider's own log."""
        database = Database(self.database_url)
        async with database.transaction() as tx:
            journal = await call_views.calls(tx, "local", request_id)
        await database.close()
        asked = [call["idempotency_key"] for call in await product.calls()]
        finished = [row for row in journal if row.state is CallState.FINISHED]
        assert finished
        for row in finished:
            round_key = f"{request_id}/{row.slot}/{row.round}"
            assert asked.count(f"{round_key}/{row.n}") == 1
            later = [
                key for key in asked if key.rpartition("/")[0] == round_key and int(key.rpartition("/")[2]) > row.n
            ]
            assert later == []
        ids = {f"{request_id}/{row.slot}/{row.round}/{row.n}" for row in journal}
        assert set(asked) <= ids


def worker_alone(variables: Mapping[str, str], name: str = "worker") -> ProcessSpec:
    """`python -m worker`; Temporal itself tells when it is ready, by taking work."""
    return ProcessSpec(
        name=name, argv=(sys.executable, "-m", "worker"), env=child_environment(variables), cwd=PROJECT_ROOT
    )


def api_alone(port: int, variables: Mapping[str, str]) -> ProcessSpec:
    """`python -m api`."""
    return ProcessSpec(
        name="api",
        argv=(sys.executable, "-m", "api"),
        env=child_environment(variables),
        cwd=PROJECT_ROOT,
        ready=lambda: programs.answers(f"http://127.0.0.1:{port}/readyz"),
    )
