"""Every command that README.md shows does what it says: `temporal`, `curl` and `longhaul`, with ids in their place.

`make` commands are not run here: this is one of them.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from runtime.settings import PROJECT_ROOT
from tests.cli_only.command import Ran, Terminal
from tests.docs.pages import blocks, page
from tests.keys import ADMIN_KEY
from tests.workflows.product import Json, Product, eventually
from tests.workflows.test_steps import TWO_PARTS, plan_of

API = "http://127.0.0.1:8080"
PYTHON = ".venv/bin/python"


class Shown(NamedTuple):
    """A command as it stands in the README, without its comment."""

    line: str

    @property
    def name(self) -> str:
        """Return the command without its input and its id, as a name for the test."""
        return re.sub(r" --input .*| --workflow-id \S+", "", self.line.replace(PYTHON, "python"))[:80]


def shown() -> list[Shown]:
    """Return the README's commands, those of `make` and the assignment of the id left out."""
    lines = [line for block in blocks(page("README.md"), "sh") for line in block.replace("\\\n", " ").splitlines()]
    commands = [re.sub(r"\s+#[^'\"]*$", "", line).strip() for line in lines]
    return [Shown(line) for line in commands if line.startswith(("temporal ", "curl ", PYTHON))]


async def running(product: Product) -> str:
    """A request with a running step s2."""
    await product.fault(plan_of({"id": "s1"}, {"id": "s2"}), task="plan")
    await product.fault({"hang": True}, task="step", step_id="s2")
    request_id = await product.submit(TWO_PARTS)
    await product.until_active(request_id, 1)
    return request_id


async def approving(product: Product) -> str:
    """A request whose plan waits for its approval."""
    request_id = await product.submit(TWO_PARTS, approval="plan")
    await product.until(request_id, "approving")
    return request_id


async def asking(product: Product) -> str:
    """A request with the open question q_1."""
    request_id = await product.submit("do it")
    await product.until(request_id, "asking")
    return request_id


async def done(product: Product) -> str:
    """A request that has ended, with steps s1 and s2."""
    ended: str = (await product.ask(TWO_PARTS))["id"]
    return ended


Stage = Callable[[Product], Awaitable[str]]
STAGES: list[tuple[str, Stage]] = [
    (r"--name approve|approving", approving),
    (r"--name reply", asking),
    (r"curl|cli (watch|fork|request)", done),
    (r"temporal|cli", running),
]
"""What a request must be like for a command; the first pattern that fits counts."""


def stage_for(command: Shown) -> Stage:
    """Return how to bring a request to where the command makes sense."""
    return next(stage for pattern, stage in STAGES if re.search(pattern, command.line))


@pytest.mark.parametrize("command", shown(), ids=lambda command: command.name)
async def test_readmes_command_works(command: Shown, terminal: Terminal, product: Product) -> None:
    request_id = await stage_for(command)(product)
    line = command.line.replace(API, str(product.api.base_url).rstrip("/")).replace(PYTHON, sys.executable)
    variables = {"ID": request_id, "LONGHAUL_API_URL": str(product.api.base_url), "LONGHAUL_API_KEY": ADMIN_KEY}
    ran, _ = await asyncio.gather(
        terminal.run(f"cd {PROJECT_ROOT} && {line}", **variables), approve_what_is_asked(command, product)
    )
    assert ran.code == 0, ran
    await check(command, ran, request_id, terminal, product)
    await end(product, request_id)


async def check(command: Shown, ran: Ran, request_id: str, terminal: Terminal, product: Product) -> None:
    """Check what the command has brought about."""
    if "curl" in command.line:
        assert '"status":4' not in ran.out.replace(" ", "")
        assert ran.out
    if "workflow signal" in command.line or "update execute" in command.line:
        assert (await product.query(request_id, "status"))["refusals"] == []
    if "workflow metadata" in command.line:
        assert "| s2 |" in ran.out
    if "workflow list" in command.line:
        await eventually(lambda: listed(terminal, command.line, request_id))
    if re.search(r"name cancel |workflow cancel", command.line):
        assert (await product.ended(request_id))["phase"] == "cancelled"


async def listed(terminal: Terminal, line: str, request_id: str) -> bool:
    """Whether the list that the command prints has the request."""
    return request_id in (await terminal.run(f"{line} --limit 1000 --output json")).out


async def approve_what_is_asked(command: Shown, product: Product) -> None:
    """Approve the plan of the request that a command sends with `--approval plan`, for which it waits."""
    if "--approval plan" not in command.line:
        return

    async def waiting() -> list[Json]:
        seen = (await product.api.get("/v1/requests", params={"phase": "approving"})).json()
        requests: list[Json] = seen["requests"]
        return [request for request in requests if "Compare tea" in str(request["message"])]

    requests: list[Json] = await eventually(waiting)
    for request in requests:
        await product.handle(request["id"]).signal("approve", {"approval_id": "a_plan_1", "decision": "approve"})


async def end(product: Product, request_id: str) -> None:
    """Leave nothing running."""
    handle = product.handle(request_id)
    if (await handle.describe()).close_time is None:
        await handle.cancel()
        await handle.result()


def test_readme_shows_every_verb_both_ways() -> None:
    lines = " ".join(command.line for command in shown())
    for verb in ("amend", "approve", "reply", "pause", "resume", "cancel_step", "cancel"):
        assert f'update execute --workflow-id "$ID" --name {verb} ' in lines
        assert f'signal --workflow-id "$ID" --name {verb} ' in lines
