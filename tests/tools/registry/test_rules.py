"""Rules in the database, and who waits for them."""

import json
import secrets

import pytest

from domain.errors import InvalidInput, NotFound
from domain.ids import REQUEST_ID
from domain.tool_policy import Decision, Rule
from domain.tools import Effect
from services.storage.database import Database
from services.tools.registry import gates, rules


async def test_rules_are_kept_with_their_number(db: Database) -> None:
    owner = secrets.token_hex(6)
    rule = Rule(owner=owner, effect=Effect.WRITE, decision=Decision.RUN, timeout_s=5, default="approve", reason="why")
    added = await rules.add(db, rule)
    newer = await rules.add(db, Rule(owner=owner, decision=Decision.DENY))
    assert added == rule.model_copy(update={"number": added.number})
    assert [each for each in await rules.all_rules(db) if each.owner == owner] == [added, newer]
    assert newer.number > added.number
    for each in (added, newer):
        await rules.delete(db, each.number)
    assert not [each for each in await rules.all_rules(db) if each.owner == owner]


@pytest.mark.parametrize("number", [0, -1, 2**62, 2**70])
async def test_a_rule_that_is_not_there_is_not_found(db: Database, number: int) -> None:
    with pytest.raises(NotFound):
        await rules.delete(db, number)


async def test_rules_are_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "RULES_LIMIT", 0)
    with pytest.raises(InvalidInput):
        await rules.add(db, Rule(decision=Decision.RUN))


async def test_pages_hold_the_requests_that_wait_for_a_tool(db: Database) -> None:
    waiting = [await request(db, "tool") for _ in range(5)]
    others = [await request(db, "plan"), await request(db, None), await request(db, "tool", ended=True)]
    found: list[str] = []
    after: str | None = None
    while True:
        page = await gates.page(db, after, limit=2)
        found += page.request_ids
        after = page.after
        if after is None:
            break
    assert [each for each in found if each in waiting] == sorted(waiting)
    assert not set(others) & set(found)


async def request(db: Database, kind: str | None, *, ended: bool = False) -> str:
    request_id = f"req_{secrets.token_hex(16)}"
    assert REQUEST_ID.match(request_id) or len(request_id) == 36
    approvals = {} if kind is None else {"p1": {"id": "p1", "kind": kind}}
    sql = """INSERT INTO request (id, owner, message, open_items, finished_at)
        VALUES ($1, 'gates', '{}', $2::jsonb, CASE WHEN $3 THEN clock_timestamp() END)"""
    await db.fetch(sql, request_id, json.dumps({"questions": {}, "approvals": approvals}), ended)
    return request_id
