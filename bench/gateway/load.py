"""The calls: one at a time, many at once, and streams, with what each took. Times in seconds of a monotonic clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from bench.gateway.contenders import MODEL, Contender

T = TypeVar("T")
_ASKED: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me about the sea."}]}


class CallFailedError(Exception):
    """A call of the benchmark was not answered as it should be."""


@dataclass(frozen=True)
class Streamed:
    """One stream: the time to its first text, to its end, and its chunks with text."""

    first_s: float
    whole_s: float
    chunks: int


async def call(client: httpx.AsyncClient, asked: Contender) -> float:
    """Make one call that is answered whole; return its time."""
    began = time.perf_counter()
    answer = await client.post(f"{asked.base_url}/chat/completions", json=_ASKED, headers=_headers(asked))
    took = time.perf_counter() - began
    if not answer.is_success or not answer.json()["choices"][0]["message"]["content"]:
        raise CallFailedError(f"{asked.base_url} answered {answer.status_code}")
    return took


async def stream(client: httpx.AsyncClient, asked: Contender) -> Streamed:
    """Make one call that is answered in chunks."""
    began, first, chunks, done = time.perf_counter(), 0.0, 0, False
    body = {**_ASKED, "stream": True}
    url = f"{asked.base_url}/chat/completions"
    async with client.stream("POST", url, json=body, headers=_headers(asked)) as answer:
        async for line in answer.aiter_lines():
            if '"content":"' in line or '"content": "' in line:
                chunks += 1
                first = first or time.perf_counter() - began
            done = done or line == "data: [DONE]"
    if not (done and chunks):
        raise CallFailedError(f"{asked.base_url} streamed no whole answer")
    return Streamed(first, time.perf_counter() - began, chunks)


def _headers(asked: Contender) -> dict[str, str]:
    return {"authorization": f"Bearer {asked.key}", "content-type": "application/json"}


async def together(count: int, at_once: int, work: Callable[[], Awaitable[T]]) -> tuple[list[T], float]:
    """Do `work` `count` times, `at_once` at a time; return the results and how long all took."""
    left = count
    results: list[T] = []

    async def worker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            results.append(await work())

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return results, time.perf_counter() - began
