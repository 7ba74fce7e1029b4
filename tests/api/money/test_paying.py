"""Paying over the API: what is held, what is charged, and what is answered where there is no money."""

import asyncio
import secrets

from domain.budget import Price, Usage, cost
from tests.api.gateway.streams import CHAT, asking, streaming
from tests.api.money.conftest import Prepaid
from tests.ledger.till import NewBudget
from tests.workflows.product import eventually

PRICE = Price(input_micros=100_000, cached_input_micros=10_000, output_micros=400_000)
"""The price table's, of simulated models."""
SLOW = {"chunk_delay_s": 0.1}
TWO_PARTS = "Summarise the moon. Then compare it with Mars."


async def test_an_answer_is_charged_at_its_usage_and_price(prepaid: Prepaid) -> None:
    purse = await prepaid(5000)
    answer = await purse.product.api.post(CHAT, json=asking(purse.product.model))
    assert answer.status_code == 200, answer.text
    usage = answer.json()["usage"]
    used = Usage(
        input_tokens=usage["prompt_tokens"],
        cached_tokens=usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
        output_tokens=usage["completion_tokens"],
    )
    assert await purse.spent() == cost(used, PRICE) > 0


async def test_too_little_money_is_402_and_held_money_409_with_retry_after(prepaid: Prepaid) -> None:
    purse = await prepaid(2000)
    api, body = purse.product.api, asking(purse.product.model, max_tokens=4000)
    refused = await api.post(CHAT, json={**body, "max_tokens": 6000})
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "insufficient_funds")
    assert "retry-after" not in refused.headers
    await purse.product.fault(SLOW, times=1)
    async with streaming(api, body) as stream:
        await stream.read(1)
        waiting = await api.post(CHAT, json=body)
        assert (waiting.status_code, waiting.json()["error"]["code"]) == (409, "funds_on_hold")
        assert int(waiting.headers["retry-after"]) > 0
        await stream.read()
    spent = await purse.spent()
    assert 0 < spent < 500
    assert (await api.post(CHAT, json=body)).status_code == 200


async def test_a_call_that_is_left_pays_for_what_was_delivered(prepaid: Prepaid) -> None:
    purse = await prepaid(5000)
    await purse.product.fault(SLOW)
    async with streaming(purse.product.api, asking(purse.product.model)) as stream:
        await stream.read(4)
    assert 0 < await purse.spent() < 5000


async def test_no_output_and_an_abnormal_end_costs_nothing(prepaid: Prepaid) -> None:
    purse = await prepaid(5000)
    body = asking(purse.product.model, longhaul={"timeout_s": 1})
    for fault in ({"status": 500}, {"cut_stream_after": 0}, {"hang_after": 0}, {"hang": True}, {"status": 401}):
        await purse.product.fault(fault, times=3)
        answer = await purse.product.api.post(CHAT, json=body)
        assert answer.status_code >= 500, answer.text
    assert await purse.spent() == 0


async def test_a_held_call_cannot_cost_more_than_is_held(prepaid: Prepaid) -> None:
    purse = await prepaid(300)
    await purse.product.fault({"repeat_bytes": 100_000})
    answer = await purse.product.api.post(CHAT, json=asking(purse.product.model))
    assert answer.status_code == 200, answer.text
    assert 200 < await purse.spent() <= 300


async def test_embeddings_and_completions_are_held_and_charged(prepaid: Prepaid) -> None:
    purse = await prepaid(5000)
    model = purse.product.model
    for path, body in (("embeddings", {"input": "the moon"}), ("completions", {"prompt": "2 + 2 is"})):
        answer = await purse.product.api.post(f"/v1/{path}", json={"model": model, **body})
        assert answer.status_code == 200, answer.text
    assert await purse.spent() > 0
    poor = await prepaid(1)
    refused = await poor.product.api.post("/v1/embeddings", json={"model": model, "input": "moon " * 5000})
    assert refused.status_code == 402


async def test_a_budget_of_the_key_stops_it(prepaid: Prepaid) -> None:
    purse = await prepaid(1_000_000)
    key_id = (await purse.product.api.get("/v1/me")).json()["key"]["id"]
    await purse.till.budget(NewBudget(f"key:{key_id}", 300, "day"))
    body = asking(purse.product.model, max_tokens=4000)
    refused = await purse.product.api.post(CHAT, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "budget_spent")
    assert (await purse.product.api.post(CHAT, json={**body, "max_tokens": 100})).status_code == 200


async def test_a_request_is_held_charged_and_released(prepaid: Prepaid) -> None:
    purse = await prepaid(100_000)
    ended = await purse.product.ask(TWO_PARTS)
    assert ended["phase"] == "done"
    assert await purse.spent() == ended["cost_micros"] > 0
    (options,) = await purse.till.db.fetch("SELECT options FROM request WHERE id = $1", ended["id"])
    assert options["options"]["budget_micros"] == 100_000, "it may spend what is held"


async def test_a_request_without_money_is_not_accepted(prepaid: Prepaid) -> None:
    purse = await prepaid(5000)
    body = {"message": TWO_PARTS, "options": {"model": purse.product.model}}
    refused = await purse.product.api.post("/v1/requests", json=body)
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_funds")
    assert await purse.held() == 0


async def test_fifty_parallel_steps_do_not_overspend(prepaid: Prepaid) -> None:
    purse = await prepaid(2500)
    message = " ".join(f"Tell fact {number} about the moon." for number in range(50))
    request_id = await purse.product.submit(message, budget_micros=2500)
    ended = await purse.product.ended(request_id)
    assert len(await purse.product.steps(request_id)) >= 40
    assert await purse.spent() == ended["cost_micros"]
    assert 1000 < ended["cost_micros"] <= 2500


async def test_a_raised_budget_is_held_first_or_refused(prepaid: Prepaid) -> None:
    purse = await prepaid(100_000)
    product = purse.product
    await product.fault({"delay_s": 30}, step_id="s1")
    request_id = await product.submit(TWO_PARTS, budget_micros=50_000)
    await product.until_active(request_id, 1)
    amendment = {"expected_version": 1, "edits": [{"op": "raise_budget", "to_micros": 90_000}]}
    raised = await product.send(request_id, "amend", **amendment)
    assert raised.status_code == 200, raised.text
    assert await purse.held() + (purse.filled_micros - 90_000) <= 100_000
    hold = await purse.till.hold_row(request_id)
    assert hold["amount_micros"] == 90_000
    edits = [{"op": "raise_budget", "to_micros": 900_000}]
    refused = await product.send(request_id, "amend", expected_version=2, edits=edits)
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_funds")
    await product.send(request_id, "cancel", reason="enough")
    ended = await product.ended(request_id)
    assert await purse.spent() == ended["cost_micros"]


async def test_many_calls_at_once_never_overspend(prepaid: Prepaid) -> None:
    purse = await prepaid(2000)
    body = asking(purse.product.model, max_tokens=1000)
    answers = await asyncio.gather(*(purse.product.api.post(CHAT, json=body) for _ in range(30)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {200, 402, 409}
    assert 200 in statuses
    assert await purse.spent() <= 2000


async def test_the_same_key_is_charged_once(prepaid: Prepaid) -> None:
    purse = await prepaid(5000)
    body, key = asking(purse.product.model), {"Idempotency-Key": secrets.token_hex(8)}
    for _ in range(3):
        assert (await purse.product.api.post(CHAT, json=body, headers=key)).status_code == 200
    spent = await purse.spent()
    (call,) = await purse.product.calls()
    assert spent > 0
    assert call is not None

    async def one_posting() -> bool:
        count: int = await purse.till.one(
            "SELECT count(*) FROM ledger_transaction WHERE kind = 'post' AND wallet_id = $1", purse.wallet
        )
        return count == 1

    assert await eventually(one_posting)
