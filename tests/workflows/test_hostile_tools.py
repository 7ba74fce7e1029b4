"""Every hostile server in a plan: the plan ends, nothing is written that nobody approved, and other work goes on."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulators.mcp_server.behaviours import BEHAVIOURS, Behaviour
from tests.workflows.product import Json, Product, eventually
from tests.workflows.tool_server import Notes, server_at, simulator

AT_ONCE = 24
NAMED = (
    "never_answers",
    "wrong_list_result",
    "twenty_megabytes",
    "invalid_json",
    "error_without_flag",
    "duplicate_tools",
    "ten_thousand_tools",
    "hidden_name",
    "description_orders",
    "description_changes",
    "shadows_another",
    "crashes",
    "http_401",
    "redirect_to_link_local",
    "annotations_lie",
    "write_then_failure",
    "regex_bomb",
    "needs_input",
    "progress_flood",
)
"""What nobody may leave out; of all the others every fifth (tests/tools/hostile meets each of them)."""

_OTHERS = [name for name, one in BEHAVIOURS.items() if one.reach != "stdio" and name not in NAMED]
HOSTILE = [BEHAVIOURS[name] for name in (*NAMED, *_OTHERS[::5])]
BATCHES = [tuple(HOSTILE[at : at + AT_ONCE]) for at in range(0, len(HOSTILE), AT_ONCE)]


@pytest_asyncio.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with simulator() as url:
        yield url


def test_there_are_more_than_forty() -> None:
    assert len(HOSTILE) > 40


@pytest.mark.timeout(120)
@pytest.mark.parametrize("batch", BATCHES, ids=[f"{one[0].name}..." for one in BATCHES])
async def test_a_plan_with_hostile_servers_ends_and_writes_nothing_unapproved(
    product: Product, address: str, batch: tuple[Behaviour, ...]
) -> None:
    async with server_at(product, address) as honest:
        await honest.register()
        results = await asyncio.gather(*(_meet(product, address, one) for one in batch), _honest(product, honest))
    assert results[-1] is None
    assert [problem for problem in results if problem is not None] == []


async def _meet(product: Product, address: str, behaviour: Behaviour) -> str | None:
    """Plan a read and a write on a server that turns hostile once it is known. Returns what went wrong."""
    async with server_at(product, address) as server:
        await server.register(limits={"connect_timeout_s": 2})
        await server.behave(behaviour.name)
        ended = await _run(product, server, timeout_s=1.5, max_retries=0)
        if ended["phase"] not in ("done", "failed"):
            return f"{behaviour.name}: {ended['phase']}"
        await server.behave(None)
        await server.forget()
        return f"{behaviour.name}: wrote" if await server.writes() else None


async def _honest(product: Product, server: Notes) -> str | None:
    """The same plan on an honest server: its read succeeds while the others misbehave."""
    ended = await _run(product, server, timeout_s=20, max_retries=0)
    await server.forget()
    return None if ended["phase"] == "done" else f"honest: {ended['phase']} {ended['outcome']}"


async def _run(product: Product, server: Notes, **fields: float) -> Json:
    token = f"word{secrets.token_hex(6)}"
    steps = [
        server.step("echo", "s1", parameters={"text": "hello"}, **fields),
        server.step("note_create", "s2", parameters={"text": "nobody approved this"}, **fields),
    ]
    await product.fault({"answer_json": {"steps": steps}}, task="plan", contains=token, times=1)
    rest = [{"id": "sorry", "prompt": "Say what could not be done"}]
    await product.fault({"answer_json": {"steps": rest}}, task="plan", contains=token)
    request_id = await product.submit(f"Say {token}. Then write a haiku.", approval_timeout_s=0.5)

    async def look() -> Json | None:
        seen = await product.get(request_id, wait=10)
        return seen if seen["phase"] in ("done", "failed", "cancelled") else None

    ended: Json = await eventually(look, within_s=90)
    return ended
