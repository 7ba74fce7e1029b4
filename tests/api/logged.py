"""Finding rows of the log of API calls by what a test knows of its calls."""

import secrets
from typing import Any

import httpx

from tests.storage.samples import until

Json = dict[str, Any]


def tag() -> str:
    """Return a request id that finds its row again."""
    return f"t-{secrets.token_hex(8)}"


async def search(api: httpx.AsyncClient, **query: Any) -> list[Json]:
    """Return the rows that a search finds, newest first."""
    answer = await api.get("/v1/api-calls", params=query)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["calls"]
    return found


async def rows_of(api: httpx.AsyncClient, request_id: str, number: int = 1, **query: Any) -> list[Json]:
    """Return the rows of a request id as soon as there are so many."""
    found: list[Json] = []

    async def are_there() -> bool:
        found[:] = await search(api, request_id=request_id, **query)
        return len(found) >= number

    await until(are_there)
    assert len(found) == number
    return found


async def row_of(api: httpx.AsyncClient, request_id: str) -> Json:
    """Return the row of one call as soon as it is stored."""
    (row,) = await rows_of(api, request_id)
    return row
