"""A key that was made with a budget or a limit is stopped by it at the gateway, and so is its next secret."""

from typing import Any

import httpx

from tests.api.gateway.streams import CHAT, asking
from tests.api.money.conftest import Prepaid
from tests.keys import api_client


async def _made(api: httpx.AsyncClient, wallet: str, **fields: Any) -> tuple[str, str]:
    answer = await api.post("/v1/keys", json={"name": "bounded", "wallet": wallet, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()["key"]["id"], answer.json()["secret"]


async def _rotated(api: httpx.AsyncClient, key: str) -> str:
    answer = await api.post(f"/v1/keys/{key}/rotate", json={"generation": 1})
    assert answer.status_code == 200, answer.text
    secret: str = answer.json()["secret"]
    return secret


async def test_a_key_is_stopped_by_the_budget_that_it_was_made_with(prepaid: Prepaid) -> None:
    purse = await prepaid(1_000_000)
    admin = purse.product.api
    key, secret = await _made(admin, purse.wallet, budgets=[{"period": "day", "limit_micros": 300}])
    small, large = asking(purse.product.model, max_tokens=100), asking(purse.product.model, max_tokens=4000)
    async with api_client(str(admin.base_url), secret) as api:
        refused = await api.post(CHAT, json=large)
        assert (refused.status_code, refused.json()["error"]["code"]) == (402, "budget_spent")
        assert (await api.post(CHAT, json=small)).status_code == 200
    spent = await purse.spent()
    async with api_client(str(admin.base_url), await _rotated(admin, key)) as api:
        (budget,) = (await api.get("/v1/me")).json()["key"]["budgets"]
        assert budget["spent_micros"] == spent > 0
        refused = await api.post(CHAT, json=large)
        assert (refused.status_code, refused.json()["error"]["code"]) == (402, "budget_spent")


async def test_a_key_of_two_requests_a_minute_is_refused_the_third(prepaid: Prepaid) -> None:
    purse = await prepaid(1_000_000)
    admin, body = purse.product.api, asking(purse.product.model)
    key, secret = await _made(admin, purse.wallet, limits=[{"kind": "requests", "amount": 2, "window_s": 60}])
    async with api_client(str(admin.base_url), secret) as api:
        answers = [await api.post(CHAT, json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["error"]["code"] == "rate_limit_exceeded"
    assert int(answers[2].headers["retry-after"]) > 0
    async with api_client(str(admin.base_url), await _rotated(admin, key)) as api:
        assert (await api.post(CHAT, json=body)).status_code == 429
