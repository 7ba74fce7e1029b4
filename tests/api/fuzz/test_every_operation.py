"""Every operation, asked by every role: no fault of ours, and no answer that docs/openapi.json does not tell of."""

import asyncio

import pytest

from tests.api.fuzz.subject import OPERATIONS, Served, fuzz


@pytest.mark.parametrize("label", OPERATIONS)
async def test_answers_as_documented(served: Served, label: str) -> None:
    await asyncio.to_thread(fuzz, served, label, times=1)


@pytest.mark.long
@pytest.mark.parametrize("label", OPERATIONS)
async def test_answers_as_documented_500_times(served: Served, label: str) -> None:
    await asyncio.to_thread(fuzz, served, label, times=25)
