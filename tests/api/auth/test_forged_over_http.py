"""The forged tokens at the API's own door: each is a 401 with the same words, and none a 5xx."""

import time

import httpx
import pytest
import pytest_asyncio

from services.identity.doors import Doors
from services.identity.token_form import MOST_CHARACTERS, NOT_VALID
from services.storage.database import Database
from tests.identity.forging import FORGERIES, Forge, Mint
from tests.identity.passworded import log_in, make_person


@pytest_asyncio.fixture(scope="session")
async def mint(database: Database, doors: Doors) -> Mint:
    person = await make_person(database)
    granted = await log_in(doors, person)
    return Mint(await doors.keys.signing(), person.id, granted.session_id, int(time.time()))


async def test_the_pattern_of_all_forgeries_is_right(nobody: httpx.AsyncClient, mint: Mint) -> None:
    answer = await nobody.get("/v1/requests", headers={"authorization": f"Bearer {mint.token()}"})
    assert answer.status_code == 200


UNSENDABLE = {"a megabyte", "line break at the end"}
"""What no HTTP client sends in a header, and no server reads."""
SENT = {name: forge for name, forge in FORGERIES.items() if name not in UNSENDABLE}


@pytest.mark.parametrize("forge", SENT.values(), ids=SENT.keys())
async def test_forgery_is_a_401(nobody: httpx.AsyncClient, mint: Mint, forge: Forge) -> None:
    token = forge(mint)
    for headers in ({"authorization": f"Bearer {token}"}, {"x-api-key": token}):
        answer = await nobody.get("/v1/requests", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["detail"] == NOT_VALID or len(token) > MOST_CHARACTERS
