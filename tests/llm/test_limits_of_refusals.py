import pytest

from services.llm.assignment import CallFailed
from services.storage.driver import Row
from tests.llm.parts import Parts, assignment, chat_request, composing


async def refused_with(parts: Parts, status: int, **headers: str) -> list[Row]:
    """Have a call refused; return the limits that were learnt of its account."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    body = '{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'
    await parts.sim.fault(raw={"status": status, "headers": told, "body": body})
    request_id = await parts.new_request()
    with pytest.raises(CallFailed):
        await parts.caller.call(assignment(request_id), composing(chat_request(parts.sim.model)))
    query = "SELECT kind, amount, remaining FROM pool_limit WHERE account_id = $1 AND learnt ORDER BY kind"
    return await parts.db.fetch(query, parts.sim.model)


async def test_a_429_tells_of_its_accounts_limits(parts: Parts) -> None:
    (learnt,) = await refused_with(
        parts, 429, x_ratelimit_limit_requests="7", x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="9s"
    )
    assert (learnt["kind"], learnt["amount"], learnt["remaining"]) == ("requests", 7, 0)


async def test_a_refusal_that_tells_nothing_teaches_nothing(parts: Parts) -> None:
    assert await refused_with(parts, 429, retry_after="1") == []
