"""`python -m worker`: waits for what is not up yet, works, and ends in order."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client

from contracts.calls import RequestFacts
from contracts.names import REQUEST_WORKFLOW, RequestInput
from contracts.policies import WORKFLOW_TASK_TIMEOUT
from domain.content import Text
from domain.request import Outcome, Phase
from runtime import search_attributes, temporal
from runtime.local.ports import free_port
from runtime.settings import PROJECT_ROOT, Settings
from tests.keys import process_variables
from tests.llm.parts import OWNER, parts


@asynccontextmanager
async def worker_process(variables: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "worker",
        cwd=PROJECT_ROOT,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: asyncio.subprocess.Process, text: str) -> str:
    """Read the process's log until a line has `text`."""
    assert process.stderr is not None
    async with asyncio.timeout(15):
        while line := await process.stderr.readline():
            if text in line.decode():
                return line.decode()
    raise AssertionError(f"the worker ended without saying {text!r}")


def variables(database_url: str, temporal_address: str, simulator: str, queue: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "TEMPORAL_ADDRESS": temporal_address,
        "LONGHAUL_OPENAI_BASE_URL": simulator,
        "LONGHAUL_OPENAI_MODEL": "longhaul-sim",
        "LONGHAUL_TASK_QUEUE": queue,
        **process_variables(),  # the run's database has secrets that these keys seal
    }


@pytest.fixture
async def client(settings: Settings, temporal_address: str) -> Client:
    made = await temporal.connect(settings.model_copy(update={"temporal_address": temporal_address}))
    await search_attributes.ensure(made)
    return made


async def test_a_worker_process_runs_a_request_and_ends_on_sigterm(
    client: Client, database_url: str, temporal_address: str, simulator: str
) -> None:
    queue = f"worker-{secrets.token_hex(4)}"
    async with (
        worker_process(variables(database_url, temporal_address, simulator, queue)) as process,
        parts(database_url, simulator) as real,
    ):
        await said(process, f"working on {queue}")
        message = "Summarise the report about turtles. Translate the poem about rivers."
        request_id = await real.new_request(message)
        facts = RequestFacts(request_id=request_id, owner=OWNER, message=Text.inline(message))
        outcome = await client.execute_workflow(
            REQUEST_WORKFLOW,
            RequestInput(facts=facts),
            id=request_id,
            task_queue=queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            result_type=Outcome,
        )
        assert outcome.phase is Phase.DONE, outcome
        assert outcome.cost_micros == sum(row.cost_micros for row in await real.rows(request_id)) > 0
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0


@pytest.mark.parametrize("missing", ["TEMPORAL_ADDRESS", "DATABASE_URL"])
async def test_a_worker_waits_for_what_is_not_up(
    missing: str, database_url: str, temporal_address: str, simulator: str
) -> None:
    nowhere = {
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "DATABASE_URL": f"postgresql://x@127.0.0.1:{free_port()}/x",
    }
    usual = variables(database_url, temporal_address, simulator, "nowhere")
    async with worker_process({**usual, missing: nowhere[missing]}) as process:
        await said(process, "does not answer yet")
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_a_worker_without_settings_says_what_is_missing() -> None:
    unset = dict.fromkeys(("DATABASE_URL", "TEMPORAL_ADDRESS", "LONGHAUL_OPENAI_BASE_URL"), "")
    async with worker_process({**unset, "LONGHAUL_OPENAI_MODEL": ""}) as process:
        await said(process, "DATABASE_URL")
        assert await process.wait() == 2
