"""Every operation, asked by every role: no fault of ours, and no answer that docs/openapi.json does not tell of.

Each is answered well at least once, so that what is checked are not refusals alone.
"""

import asyncio
from typing import Final

import pytest

from tests.api.fuzz.subject import OPERATIONS, Served, fuzz

REFUSE_ALL: Final = {
    "POST /v1/requests/{request_id}/reply": "no request here asks a question",
    "POST /v1/tool-servers/{server_id}/sign-in": "no tool server here wants people to sign in",
    "GET /v1/tool-sign-ins/{state}": "so nobody signs in at one",
    "GET /v1/tool-sign-ins/callback": "and nobody comes back from one",
    "POST /v1/tools/approve": "no tool server here offers a tool",
    "POST /v1/tools/effect": "the same",
    "GET /v1/auth/oidc/{provider}/callback": "wants the cookie and the state of a browser that was sent away",
    "POST /v1/wallets/{id}/refunds": "nothing was paid from the wallets here",
}
"""Operations that cannot be answered well here, and why."""


@pytest.mark.parametrize("label", OPERATIONS)
async def test_answers_as_documented(served: Served, label: str) -> None:
    seen = await asyncio.to_thread(fuzz, served, label, times=1)
    assert min(seen) < 400 or label in REFUSE_ALL, seen


def test_no_operation_is_excused_that_is_gone() -> None:
    assert set(REFUSE_ALL) <= set(OPERATIONS)


@pytest.mark.long
@pytest.mark.parametrize("label", OPERATIONS)
async def test_answers_as_documented_500_times(served: Served, label: str) -> None:
    await asyncio.to_thread(fuzz, served, label, times=25)
