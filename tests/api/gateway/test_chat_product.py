"""Chats end to end: door, workflow, worker, pool, and a simulated provider."""

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from api.parts import Deployment, Parts
from services.llm.admin import PoolAdmin
from services.storage.event_reader import EventReader
from tests.api.gateway.streams import CHAT, asking, followed, streaming, whole
from tests.api.served import serving
from tests.llm.pooled import add_accounts
from tests.workflows.product import Product, eventually

SLOW = {"chunk_delay_s": 0.05}


@pytest_asyncio.fixture
async def far(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    """Another API over the same database: a worker elsewhere makes its calls, so it has the log alone."""
    services = product.services
    assert services is not None
    pool = PoolAdmin(services.db, services.vault)
    parts = Parts(services.db, EventReader(services.db), product.temporal, Deployment(product.task_queue), pool=pool)
    async with serving(parts) as api:
        yield api


async def with_kept_answers(product: Product) -> Product:
    """Return the product with a model whose route keeps answers."""
    assert product.services is not None
    assert product.pool is not None
    model = f"kept-{secrets.token_hex(4)}"
    base_url = str(product.provider.base_url).rstrip("/") + "/v1"
    await add_accounts(product.services.db, model, base_url, ["a"], vault=product.services.vault, cache_ttl_s=60)
    await product.services.models.catalogue.refresh()
    await product.pool.refresh()
    return product.with_model(model)


async def test_whole_streamed_and_replayed_answers_are_the_same(product: Product) -> None:
    stream = await whole(product.api, asking(product.model, stream_options={"include_usage": True}))
    complete = (await product.api.post(CHAT, json=asking(product.model))).json()
    call_id = stream.response.headers["x-longhaul-request-id"]
    shown = (await product.api.get(f"/v1/calls/{call_id}")).json()["answer"]
    again = await followed(product.api, call_id)
    text = "".join(stream.texts)
    assert text
    assert [each["choices"][0]["message"]["content"] for each in (complete, shown)] == [text, text]
    assert again.data[:-2] == stream.data[:-2]
    last = stream.chunks[-1]
    assert (last["usage"], last["longhaul"]["simulated"]) == (complete["usage"], True)


async def test_an_api_of_its_own_streams_what_a_worker_elsewhere_hears(
    product: Product, far: httpx.AsyncClient
) -> None:
    await product.fault(SLOW)
    stream = await whole(far, asking(product.model))
    whole_one = await far.post(CHAT, json=asking(product.model))
    assert "".join(stream.texts) == whole_one.json()["choices"][0]["message"]["content"]
    assert [int(event.rpartition(".")[2]) for event in stream.ids] == list(range(len(stream.ids)))
    assert stream.is_done


async def test_a_stream_cut_again_and_again_goes_on_and_is_asked_once(product: Product, far: httpx.AsyncClient) -> None:
    await product.fault(SLOW)
    key = {"Idempotency-Key": secrets.token_hex(8)}
    texts: list[str] = []
    ids: list[str] = []
    ended = False
    while not ended:
        api = far if len(ids) % 4 else product.api
        resumed = {"Last-Event-ID": ids[-1]} if ids else {}
        async with streaming(api, asking(product.model), {**key, **resumed}) as stream:
            await stream.read(2)
        ids += stream.ids
        texts += stream.texts
        ended = stream.is_done or not stream.data
    assert [int(event.rpartition(".")[2]) for event in ids] == list(range(len(ids)))
    assert len(await product.calls()) == 1
    complete = await product.api.get(f"/v1/calls/{ids[0].partition(':')[0]}")
    assert complete.json()["answer"]["choices"][0]["message"]["content"] == "".join(texts)


async def test_a_client_that_goes_away_stops_the_provider(product: Product, far: httpx.AsyncClient) -> None:
    await product.fault({"hang_after": 2})
    for api in (product.api, far):
        async with streaming(api, asking(product.model)) as stream:
            await stream.read(1)
            call_id = stream.response.headers["x-longhaul-request-id"]

        async def cancelled(call_id: str = call_id) -> bool:
            shown = (await product.api.get(f"/v1/calls/{call_id}")).json()
            return bool(shown["status"] == "cancelled")

        await eventually(cancelled)


async def test_a_kept_answer_is_streamed_in_its_chunks_and_asked_once(product: Product) -> None:
    kept = await with_kept_answers(product)
    first = await whole(kept.api, asking(kept.model))

    async def is_kept() -> bool:
        answer = await kept.api.post(CHAT, json=asking(kept.model))
        return answer.headers["x-longhaul-cache"] == "HIT"

    await eventually(is_kept)
    second = await whole(kept.api, asking(kept.model))
    assert second.data == first.data
    assert (first.response.headers["x-longhaul-cache"], second.response.headers["x-longhaul-cost"]) == ("MISS", "0")
    assert len(await kept.calls()) == 1
