"""A rule that is loosened sets waiting calls free, and only those that it speaks of."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from contracts.tools import FREE_GATES, FreeGates
from domain.tool_policy import Decision, Rule
from services.tools.registry import rules
from tests.workflows.product import Json, Product, eventually
from tests.workflows.tool_server import Notes, plan, serving

TWO_PARTS = "Write a haiku about rain. Then write a limerick about snow."


@pytest_asyncio.fixture
async def notes(product: Product) -> AsyncIterator[Notes]:
    async with serving(product) as server:
        yield server


async def waiting(product: Product, notes: Notes, text: str) -> str:
    """Start a request whose write waits for an approval."""
    await plan(product, notes.step("note_create", parameters={"text": text}))
    request_id = await product.submit(TWO_PARTS)

    async def asks() -> bool:
        seen: Json = await product.get(request_id)
        return any(one["kind"] == "tool" for one in seen["approvals"])

    await eventually(asks)
    return request_id


async def change_rules(product: Product, rule: Rule) -> Rule:
    """Add a rule and have every gate judged again, as the API does."""
    assert product.services is not None
    added = await rules.add(product.services.db, rule)
    handle: Any = await product.temporal.start_workflow(
        FREE_GATES, FreeGates(), id=f"gates-{product.model}-{added.number}", task_queue=product.task_queue
    )
    await handle.result()
    return added


async def test_a_loosened_rule_frees_what_waits(product: Product, notes: Notes) -> None:
    assert product.services is not None
    request_id = await waiting(product, notes, "set free")
    other = await change_rules(product, Rule(server="another", decision=Decision.RUN))
    assert await notes.writes() == []
    rule = await change_rules(product, Rule(server=notes.id, tool="note_create", decision=Decision.RUN))
    ended = await product.ended(request_id)
    assert ended["phase"] == "done"
    assert len(await notes.writes()) == 1
    for number in (other.number, rule.number):
        await rules.delete(product.services.db, number)
