"""Callers with a prepaid wallet of their own, at the running product."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest_asyncio

from domain.caller import LOCAL_TENANT
from tests.api.money.purse import Purse
from tests.keys import api_client
from tests.ledger.till import Till, fresh
from tests.workflows.product import Product

Prepaid = Callable[[int], Awaitable[Purse]]


@pytest_asyncio.fixture
async def prepaid(product: Product) -> AsyncIterator[Prepaid]:
    """Makes a wallet with so much in it, and a key that is charged to it."""
    assert product.services is not None
    till = Till(product.services.db)
    async with AsyncExitStack() as clients:

        async def make(micros: int) -> Purse:
            wallet = await till.prepaid(micros, tenant=LOCAL_TENANT)
            answer = await product.api.post("/v1/keys", json={"name": fresh("key"), "wallet": wallet})
            assert answer.status_code == 201, answer.text
            key: str = answer.json()["secret"]
            api = await clients.enter_async_context(api_client(str(product.api.base_url), key))
            return Purse(till, wallet, micros, replace(product, api=api))

        yield make
