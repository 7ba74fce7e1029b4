"""A call that is made in the API's own process ends at once when it is cancelled, and pays for what was used."""

import asyncio

import httpx

from tests.api.gateway.streams import asking, streaming
from tests.workflows.product import Product, eventually

AT_ONCE_S = 1.0
"""Less than a local activity takes, for which a cancellation by Temporal alone would wait."""


async def cancelled(api: httpx.AsyncClient, call_id: str, within_s: float) -> int:
    """Wait until a call is shown as cancelled; return what it has cost."""

    async def shown() -> httpx.Response | None:
        answer = await api.get(f"/v1/calls/{call_id}")
        return answer if answer.json()["status"] == "cancelled" else None

    return int((await eventually(shown, within_s)).json()["cost_micros"])


async def test_a_call_of_thirty_seconds_is_cancelled_within_one_and_pays_for_what_was_used(product: Product) -> None:
    await product.fault({"hang_after": 3})
    async with streaming(product.api, asking(product.model)) as stream:
        await stream.read(2)
        call_id = stream.response.headers["x-longhaul-request-id"]
        clock = asyncio.get_running_loop()
        began = clock.time()
        answer = await product.api.delete(f"/v1/calls/{call_id}")
        assert answer.json()["cancelled"] is True
        assert await cancelled(product.api, call_id, AT_ONCE_S) > 0
        assert clock.time() - began < AT_ONCE_S


async def test_a_cancelled_call_is_cancelled_once(product: Product) -> None:
    await product.fault({"hang_after": 1})
    async with streaming(product.api, asking(product.model)) as stream:
        await stream.read(1)
        call_id = stream.response.headers["x-longhaul-request-id"]
        both = [product.api.delete(f"/v1/calls/{call_id}") for _ in range(2)]
        assert any(answer.json()["cancelled"] for answer in await asyncio.gather(*both))
        first = await cancelled(product.api, call_id, AT_ONCE_S)
    assert (await product.api.delete(f"/v1/calls/{call_id}")).json()["cancelled"] is False
    assert await cancelled(product.api, call_id, AT_ONCE_S) == first
